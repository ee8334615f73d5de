"""How each vendor says no: its error body, its headers, its answer to a wrong key.

Shapes and codes are those of the official SDKs' sources and the vendors' error pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.simulator.rendering import Refusal

encode = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Vendor:
    """What one vendor's answers have in common whatever was asked."""

    name: str
    request_id_header: bytes
    error: Callable[[Refusal, str, int], dict[str, Any]]  # refusal, core, retry seconds
    wrong_key: Refusal
    missing_key: Refusal | None  # None: it answers whoever asks


OPENAI_CODES = {
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "billing_hard_limit_reached"),
    404: ("invalid_request_error", "not_found"),
    429: ("requests", "rate_limit_exceeded"),
    503: ("server_error", "server_is_overloaded"),
}
ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
DASHSCOPE_CODES = {
    401: "InvalidApiKey",
    403: "AccessDenied",
    404: "ModelNotFound",
    429: "Throttling.RateQuota",
    503: "ModelServingError",
}
GEMINI_STATUSES = {
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
SERVER_ERROR = 500


def openai_error(refusal: Refusal, _core: str, _retry: int) -> dict[str, Any]:
    """`{"error": {message, type, param, code}}`."""
    usual = "server_error" if refusal.status >= SERVER_ERROR else "invalid_request_error"
    kind, code = OPENAI_CODES.get(refusal.status, (usual, None))
    code = refusal.code or code
    kind = "insufficient_quota" if code == "insufficient_quota" else kind
    return {
        "error": {"message": refusal.message, "type": kind, "param": None, "code": code}
    }


def anthropic_error(refusal: Refusal, core: str, _retry: int) -> dict[str, Any]:
    """`{"type": "error", "error": {type, message}, request_id}`."""
    usual = "api_error" if refusal.status >= SERVER_ERROR else "invalid_request_error"
    error: dict[str, Any] = {
        "type": ANTHROPIC_TYPES.get(refusal.status, usual),
        "message": refusal.message,
    }
    if refusal.code:
        error["details"] = {"error_code": refusal.code}
    return {"type": "error", "error": error, "request_id": f"req_{core}"}


def cohere_error(refusal: Refusal, core: str, _retry: int) -> dict[str, Any]:
    """`{id, message}`."""
    return {"id": core, "message": refusal.message}


def ollama_error(refusal: Refusal, _core: str, _retry: int) -> dict[str, Any]:
    """`{"error": message}`."""
    return {"error": refusal.message}


def dashscope_error(refusal: Refusal, core: str, _retry: int) -> dict[str, Any]:
    """`{code, message, request_id}`."""
    usual = "InternalError" if refusal.status >= SERVER_ERROR else "InvalidParameter"
    code = refusal.code or DASHSCOPE_CODES.get(refusal.status, usual)
    return {"code": code, "message": refusal.message, "request_id": core}


def gemini_error(refusal: Refusal, _core: str, retry: int) -> dict[str, Any]:
    """`{"error": {code, message, status, details}}`; the wait stands in the details."""
    usual = "INTERNAL" if refusal.status >= SERVER_ERROR else "INVALID_ARGUMENT"
    error: dict[str, Any] = {
        "code": refusal.status,
        "message": refusal.message,
        "status": GEMINI_STATUSES.get(refusal.status, usual),
    }
    if refusal.code:
        info = "type.googleapis.com/google.rpc.ErrorInfo"
        detail = {"@type": info, "reason": refusal.code, "domain": "googleapis.com"}
        error["details"] = [detail]
    elif error["status"] == "RESOURCE_EXHAUSTED":
        info = "type.googleapis.com/google.rpc.RetryInfo"
        error["details"] = [{"@type": info, "retryDelay": f"{retry}s"}]
    return {"error": error}


OPENAI = Vendor(
    "openai",
    b"x-request-id",
    openai_error,
    Refusal(401, "Incorrect API key provided."),
    Refusal(401, "You didn't provide an API key."),
)
ANTHROPIC = Vendor(
    "anthropic",
    b"request-id",
    anthropic_error,
    Refusal(401, "invalid x-api-key"),
    Refusal(401, "x-api-key header is required"),
)
GEMINI = Vendor(
    "gemini",
    b"x-request-id",
    gemini_error,
    Refusal(400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    Refusal(403, "Method doesn't allow unregistered callers."),
)
COHERE = Vendor(
    "cohere",
    b"x-request-id",
    cohere_error,
    Refusal(401, "invalid api token"),
    Refusal(401, "no api key supplied"),
)
DASHSCOPE = Vendor(
    "dashscope",
    b"x-request-id",
    dashscope_error,
    Refusal(401, "Invalid API-key provided."),
    Refusal(401, "No API-key provided."),
)
OLLAMA = Vendor("ollama", b"x-request-id", ollama_error, Refusal(401, "unauthorized"), None)
