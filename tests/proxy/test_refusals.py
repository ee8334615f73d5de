"""Our own errors, in the words of whoever asks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.catalog.loader import load_catalog
from domain.catalog import PathNotAllowed, UnknownVendor
from domain.errors import LimitReached, NotFound, Refused, Unauthenticated, Unavailable
from proxy.incoming import BodyTooLarge, CodedBody, NotReadable, TargetTooLong
from proxy.refusals import (
    UNAVAILABLE,
    UPSTREAM_FAILED,
    UPSTREAM_REFUSED,
    NoUsableKey,
    Refusal,
    Shape,
    body_of,
    refusal_of,
    shape_of,
)

CATALOG = load_catalog()
CALL = "0198c0de-0000-7000-8000-000000000000"
EVERY = [
    refusal_of(Unavailable()),
    *(
        refusal_of(refused())
        for refused in (
            Unauthenticated,
            NoUsableKey,
            PathNotAllowed,
            UnknownVendor,
            BodyTooLarge,
            TargetTooLong,
            CodedBody,
            NotReadable,
            LimitReached,
        )
    ),
    *UPSTREAM_FAILED.values(),
    UPSTREAM_REFUSED,
    UNAVAILABLE,
]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unauthenticated(), 401, "unauthenticated"),
        (NoUsableKey(), 403, "no-usable-key"),
        (PathNotAllowed(), 403, "path-not-allowed"),
        (UnknownVendor(), 404, "unknown-vendor"),
        (BodyTooLarge(), 413, "body-too-large"),
        (TargetTooLong(), 414, "invalid"),
        (CodedBody(), 415, "invalid"),
        (NotReadable(), 400, "invalid"),
        (LimitReached(), 429, "rate-limited"),
        (Unavailable(), 503, "unavailable"),
        (NotFound(), 404, "not-found"),
    ],
)
def test_each_refusal_has_its_status_and_its_code(
    error: Refused | Unavailable, status: int, code: str
) -> None:
    refusal = refusal_of(error)
    assert (refusal.status, refusal.code) == (status, code)


def test_an_errors_own_text_is_never_shown() -> None:
    refusal = refusal_of(NotReadable("sk-very-secret at /srv/x.py"))
    for shape in ("openai", "anthropic", "gemini"):
        assert b"secret" not in body_of(refusal, shape, CALL)
        assert b"/srv" not in body_of(refusal, shape, CALL)


@pytest.mark.parametrize("refusal", EVERY, ids=lambda refusal: refusal.code)
def test_our_code_is_where_each_format_has_room_for_it(refusal: Refusal) -> None:
    openai, anthropic, gemini = (
        said(refusal, shape) for shape in ("openai", "anthropic", "gemini")
    )
    assert openai["error"]["code"] == refusal.code
    assert openai["error"]["type"].endswith("_error")
    assert anthropic["type"] == "error"
    assert anthropic["error"]["details"]["code"] == refusal.code
    assert anthropic["error"]["type"] in ANTHROPICS_OWN
    assert anthropic["request_id"] == CALL
    assert gemini["error"]["code"] == refusal.status
    assert gemini["error"]["details"][0]["reason"] == refusal.code
    assert gemini["error"]["status"].isupper()
    for one in (openai, anthropic, gemini):
        assert one["error"]["message"].endswith(".")


def said(refusal: Refusal, shape: Shape) -> Any:
    return json.loads(body_of(refusal, shape, CALL))


# https://docs.anthropic.com/en/api/errors
ANTHROPICS_OWN = {
    "invalid_request_error",
    "authentication_error",
    "permission_error",
    "not_found_error",
    "request_too_large",
    "rate_limit_error",
    "api_error",
    "overloaded_error",
    "timeout_error",
}


@pytest.mark.parametrize(
    ("vendor", "endpoint_format", "shape"),
    [
        ("openai", "openai-chat", "openai"),
        ("anthropic", "anthropic-messages", "anthropic"),
        ("anthropic", "openai-chat", "openai"),  # its layer for OpenAI's SDK
        ("google", "gemini", "gemini"),
        ("google", "openai-chat", "openai"),
        ("openai", None, "openai"),
        ("anthropic", None, "anthropic"),
        ("google", None, "gemini"),
        ("custom", None, "openai"),
        (None, None, "openai"),
    ],
)
def test_the_shape_is_the_formats_and_else_the_vendors(
    vendor: str | None, endpoint_format: str | None, shape: Shape
) -> None:
    known = None if vendor is None else CATALOG.get(vendor)
    assert shape_of(known, endpoint_format) == shape
