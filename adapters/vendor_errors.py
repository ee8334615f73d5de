"""Errors in the answers of vendors, in the shapes that `domain/verdicts.py` lists.

The proxy reads the same while it relays (`proxy/usage/errors.py`), and a test holds both to
the same samples; this one is for a small answer that is there as a whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

LARGEST_ERROR = 64 * 1024  # bytes; a longer answer is not read


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorError:
    """What an answer says went wrong; None where it says nothing."""

    type: str | None = None
    code: str | int | None = None
    message: str | None = None


def error_in(body: bytes, *, succeeded: bool) -> VendorError:
    """The error that the body tells of; nothing if it tells of none or is not read."""
    value = _object(body)
    error, base = value.get("error"), value.get("base_resp")
    if isinstance(error, str):
        return VendorError(message=error)
    if isinstance(error, dict) and error:
        return VendorError(
            type=_text(error.get("type")) or _text(error.get("status")),
            code=_detail(error.get("details")) or _code(error.get("code")),
            message=_text(error.get("message")),
        )
    if isinstance(base, dict) and base.get("status_code"):  # MiniMax, with any status
        return VendorError(
            code=_code(base["status_code"]), message=_text(base.get("status_msg"))
        )
    if succeeded:
        return VendorError()
    return VendorError(
        type=_text(value.get("type")),
        code=_code(value.get("code")),
        message=_text(value.get("message")) or _complaint(value.get("detail")),
    )


def _object(body: bytes) -> dict[str, object]:
    """The JSON object, or the first one of an array (Gemini's way); else an empty one."""
    if len(body) > LARGEST_ERROR:
        return {}
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, dict) else {}


def _detail(details: object) -> str | None:
    """The finer code: Gemini's `reason`, Anthropic's `error_code`, the proxy's own."""
    listed = details if isinstance(details, list) else [details]
    for one in listed:
        if isinstance(one, dict):
            for name in ("reason", "error_code", "code"):
                if code := _text(one.get(name)):
                    return code
    return None


def _complaint(detail: object) -> str | None:
    """FastAPI's way: a sentence, or a list of what is wrong with the request."""
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return _text(detail[0].get("msg"))
    return _text(detail)


def _code(value: object) -> str | int | None:
    return value if isinstance(value, int) and value else _text(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
