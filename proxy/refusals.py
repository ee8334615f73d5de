"""Our own errors, in the shape of the format that the caller speaks.

The vendors' SDKs then raise their own typed errors. Our code stands in `error.code`
(OpenAI), `error.details.code` (Anthropic) or `error.details[].reason` (Gemini).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import orjson

from domain.budgets import QuotaExceeded, UnpricedCall
from domain.catalog import PathNotAllowed, UnknownVendor, Vendor
from domain.errors import (
    Forbidden,
    LimitReached,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)
from proxy import quota_words
from proxy.incoming import BodyTooLarge, CodedBody, TargetTooLong

Shape = Literal["openai", "anthropic", "gemini"]


class NoUsableKey(Refused):
    """None of the keys that the bot may use serves this vendor and model."""

    code = "no-usable-key"


STATUS: dict[type[Exception], int] = {
    Unauthenticated: 401,
    NoUsableKey: 403,
    PathNotAllowed: 403,
    Forbidden: 403,
    UnknownVendor: 404,
    NotFound: 404,
    BodyTooLarge: 413,
    TargetTooLong: 414,
    CodedBody: 415,
    LimitReached: 429,
    Unavailable: 503,
    Refused: 400,
}

WORTH_WAITING = 60  # seconds; SDKs wait that long by themselves, and no client longer

_ANTHROPIC = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_OPENAI = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    500: "server_error",
    502: "server_error",
    503: "server_error",
    504: "server_error",
}
_GEMINI = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """A status, our code, and a sentence for the one who reads the bot's log."""

    status: int
    code: str
    message: str
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)


def refusal_of(error: Refused | Unavailable) -> Refusal:
    """How an error is answered; its own text never is, only what its class says."""
    if isinstance(error, QuotaExceeded | UnpricedCall):
        return _by_quota(error)
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    text = (type(error).__doc__ or "").partition("\n")[0]
    wait = error.retry_after_seconds if isinstance(error, LimitReached) else None
    soon = wait is not None and wait <= WORTH_WAITING
    headers = [(b"retry-after", str(wait).encode())] if soon else []
    return Refusal(status=status, code=error.code, message=text, headers=headers)


def _by_quota(error: QuotaExceeded | UnpricedCall) -> Refusal:
    """Told when to come back if that is soon, and otherwise not to try again."""
    headers, message = [(b"x-should-retry", b"false")], ""
    if isinstance(error, UnpricedCall):
        message = quota_words.unpriced(error)
    else:
        message = quota_words.sentence(error.hold)
        wait = quota_words.seconds_left(error.hold, datetime.now(UTC))
        if wait is not None and wait <= WORTH_WAITING:
            headers = [(b"retry-after", str(wait).encode())]
    return Refusal(status=429, code=error.code, message=message, headers=headers)


UPSTREAM_REFUSED = Refusal(
    status=502,
    code="upstream-refused-credential",
    message="The vendor refused the provider key; whoever keeps the keys must look at it.",
    headers=[(b"x-should-retry", b"false")],
)


UPSTREAM_FAILED = {
    "upstream-unreachable": Refusal(
        status=502, code="upstream-unreachable", message="The vendor could not be reached."
    ),
    "upstream-timeout": Refusal(
        status=504, code="upstream-timeout", message="The vendor did not answer in time."
    ),
}
UNAVAILABLE = refusal_of(Unavailable())


def shape_of(vendor: Vendor | None, endpoint_format: str | None) -> Shape:
    """How the caller's SDK reads errors: by the format, else by the vendor's own ways."""
    if endpoint_format == "anthropic-messages":
        return "anthropic"
    if endpoint_format is not None:
        return "gemini" if endpoint_format.startswith("gemini") else "openai"
    header = vendor.auth.header.lower() if vendor else ""
    if header == "x-goog-api-key":
        return "gemini"
    return "anthropic" if header == "x-api-key" else "openai"


def body_of(refusal: Refusal, shape: Shape, call_id: str) -> bytes:
    """The error's JSON."""
    status, code, message = refusal.status, refusal.code, refusal.message
    match shape:
        case "anthropic":
            kind = _ANTHROPIC.get(status, "api_error")
            error = {"type": kind, "message": message, "details": {"code": code}}
            return orjson.dumps({"type": "error", "error": error, "request_id": call_id})
        case "gemini":
            detail = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": code,
                "domain": "clawbot",
            }
            return orjson.dumps(
                {
                    "error": {
                        "code": status,
                        "message": message,
                        "status": _GEMINI.get(status, "INTERNAL"),
                        "details": [detail],
                    }
                }
            )
        case "openai":
            kind = _OPENAI.get(status, "invalid_request_error")
            return orjson.dumps(
                {"error": {"message": message, "type": kind, "param": None, "code": code}}
            )
