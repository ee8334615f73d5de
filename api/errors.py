"""Refusals over HTTP: the one table from error to status, as problem details (RFC 9457).

An answer never repeats what came in, and says nothing of what is inside: the detail is the
sentence of the error's own docstring, or one that was written for people to read, in the
language that the caller reads (`wording.py`), with what is wrong of each field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route
from starlette.types import Scope

from api.locales import Languages, languages_of
from api.refusals import BodyTooLarge, Malformed, MediaNotSupported, NotReadYet, TooSlow
from api.wording import explained, language_of, sentence
from application.rates import TooOften
from domain.destinations import UrlIsNotAllowed
from domain.errors import (
    ConcurrentChange,
    Conflict,
    Forbidden,
    InvalidFields,
    LimitReached,
    NotFound,
    PreconditionFailed,
    Refused,
    Unauthenticated,
    Unavailable,
)

LONGEST_FIELD = 64  # characters of a field's name that are repeated


STATUS: dict[type[Exception], int] = {
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    TooSlow: 408,
    Conflict: 409,
    ConcurrentChange: 409,
    PreconditionFailed: 412,
    BodyTooLarge: 413,
    MediaNotSupported: 415,
    Refused: 422,
    LimitReached: 429,
    Unavailable: 503,
    NotReadYet: 504,
}
CODES = {401: "unauthenticated", 403: "forbidden", 404: "not-found", 413: "body-too-large"}


@dataclass(frozen=True, kw_only=True)
class _Asker:
    """Who is answered."""

    request_id: str
    languages: Languages


def status_of(error: Exception) -> int:
    """The status of the nearest class that the table names."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem(error: Exception, scope: Scope) -> Response:
    """The answer to a refusal of that request, which has its id by now."""
    asker = _Asker(
        request_id=scope["state"]["request_id"],
        languages=languages_of(Headers(scope=scope).get("accept-language", "")),
    )
    if isinstance(error, HTTPException):
        return _of_http(error, asker)
    if isinstance(error, RequestValidationError):
        return _details(
            422,
            code="invalid",
            title="The request asks for something that cannot be",
            asker=asker,
            errors=_field_errors(error),
        )
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _details(
            status,
            code="internal",
            title="Something went wrong here",
            asker=asker,
        )
    title = (type(error).__doc__ or "").partition("\n")[0].rstrip(".")
    return _details(
        status,
        code="conflict" if isinstance(error, ConcurrentChange) else _code(error),
        title=title,
        asker=asker,
        detail=str(error) if isinstance(error, UrlIsNotAllowed) else None,
        errors=_errors(error),
        headers=_headers(error),
    )


def install(app: FastAPI, routes: Sequence[Route]) -> None:
    """Refusals, wrong requests and unknown paths are answered as problems from now on."""

    async def answer(request: Request, error: Exception) -> Response:
        answered = problem(error, request.scope)
        if answered.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # The framework names the methods of the first route of the path only.
            answered.headers["allow"] = ", ".join(_methods(routes, request.scope))
        return answered

    for kind in (*STATUS, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer)


def _methods(routes: Sequence[Route], scope: Scope) -> list[str]:
    found = (one.methods or () for one in routes if one.matches(scope)[0] is not Match.NONE)
    return sorted({method for methods in found for method in methods}) or ["GET"]


def _code(error: Exception) -> str:
    code = str(getattr(error, "code", "invalid"))
    return "invalid" if code == Refused.code else code


def _errors(error: Exception) -> list[dict[str, str]]:
    if isinstance(error, InvalidFields):
        return [{"field": field, "code": code} for field, code in error.codes.items()]
    if isinstance(error, UrlIsNotAllowed):
        return [{"field": "base_url", "code": "url-not-allowed"}]
    return []


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    if isinstance(error, LimitReached) and error.retry_after_seconds is not None:
        retry_after = {"retry-after": str(error.retry_after_seconds)}
        return retry_after | (_rate(error) if isinstance(error, TooOften) else {})
    if isinstance(error, Unavailable):
        return {"retry-after": "1"}
    return {}


def _rate(error: TooOften) -> dict[str, str]:
    """Which rate it is, and how it stands (draft-ietf-httpapi-ratelimit-headers-10)."""
    rate = error.rate
    return {
        "ratelimit-policy": f'"{rate.name}";q={rate.most};w={rate.seconds}',
        "ratelimit": f'"{rate.name}";r=0;t={error.retry_after_seconds}',
    }


def _of_http(error: HTTPException, asker: _Asker) -> Response:
    """What the framework refused: no such path, no such method."""
    return _details(
        error.status_code,
        code=CODES.get(error.status_code, "invalid"),
        title=HTTPStatus(error.status_code).phrase,
        asker=asker,
        headers=error.headers or {},
    )


def _field_errors(error: RequestValidationError) -> list[dict[str, str]]:
    """What is wrong of which field, each once."""
    found = [_field_error(one, error.body) for one in error.errors()]
    return [one for at, one in enumerate(found) if one not in found[:at]]


def _field_error(error: Mapping[str, Any], body: object) -> dict[str, str]:
    """Where and what, never the value. A name that came in is cut short."""
    place, kind = error["loc"], str(error["type"])
    names = _named(place[1:], body, missing=kind == "missing") or place[1:] or place
    renamed = {"extra_forbidden": "unknown-field", "value_error": "invalid"}
    return {
        "field": ".".join(str(name)[:LONGEST_FIELD] for name in names),
        "code": renamed.get(kind, kind.replace("_", "-")),
    }


def _named(names: Sequence[str | int], body: Any, *, missing: bool) -> list[str | int]:
    """Those that are in the body, and the one that is not; the rest are kinds of ours,
    where a field may be of several."""
    found: list[str | int] = []
    for name in names:
        is_index = isinstance(body, list) and isinstance(name, int)
        if is_index or (isinstance(body, dict) and name in body):
            body = body[name]
        elif not (missing and name == names[-1]):
            continue
        found.append(name)
    return found


def _details(  # noqa: PLR0913 - the members of a problem
    status: int,
    *,
    code: str,
    title: str,
    asker: _Asker,
    detail: str | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    languages = asker.languages
    named = sentence(title, languages)
    told = named if detail is None else sentence(detail.rstrip("."), languages)
    body: dict[str, object] = {
        "type": f"urn:clawbot:problem:{code}",
        "title": named,
        "status": status,
        "detail": explained(told, errors if detail is None else (), languages),
        "code": code,
        "request_id": asker.request_id,
    }
    if errors:
        body["errors"] = list(errors)
    return Response(
        json.dumps(body),
        status_code=status,
        media_type="application/problem+json",
        headers={"content-language": language_of(languages), **(headers or {})},
    )
