"""Each vendor's SDK raises its own typed error for our refusals.

Our code is where `api.md` says: `error.code` (OpenAI), `error.details.code` (Anthropic),
`error.details[].reason` (Gemini).
"""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from google.genai import errors as google_errors

from tests.journeys.data_plane import NOWHERE
from tests.journeys.plane import DataPlane, TestBot, new_model
from tests.journeys.sdks import (
    anthropic_sdk,
    ask_anthropic,
    ask_google,
    ask_openai,
    google_sdk,
    openai_sdk,
)

TOO_LARGE = "x" * (20 * 1024 * 1024)


def of_openai(error: openai.APIStatusError) -> Any:
    return error.code


def of_anthropic(error: anthropic.APIStatusError) -> Any:
    body: Any = error.body
    return body["error"]["details"]["code"]


def of_google(error: google_errors.APIError) -> Any:
    return error.details["error"]["details"][0]["reason"]


def test_openais_sdk_raises_its_own_errors_for_our_refusals(
    data_plane: DataPlane, bot: TestBot
) -> None:
    with (
        openai_sdk(data_plane, "cbt_nobody") as client,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        ask_openai(client, "m")
    assert of_openai(raised.value) == "unauthenticated"
    with openai_sdk(data_plane, bot.token) as client:
        with pytest.raises(openai.PermissionDeniedError) as denied:
            client.get("/organization/users", cast_to=object)
        assert of_openai(denied.value) == "path-not-allowed"
        with pytest.raises(openai.APIStatusError) as large:
            ask_openai(client, "m", TOO_LARGE)
        assert large.value.status_code == 413
        assert of_openai(large.value) == "body-too-large"
    with (
        openai_sdk(data_plane, bot.token, vendor="nobody") as client,
        pytest.raises(openai.NotFoundError) as unknown,
    ):
        ask_openai(client, "m")
    assert of_openai(unknown.value) == "unknown-vendor"


def test_anthropics_sdk_raises_its_own_errors_for_our_refusals(
    data_plane: DataPlane, bot: TestBot
) -> None:
    with (
        anthropic_sdk(data_plane, "cbt_nobody") as client,
        pytest.raises(anthropic.AuthenticationError) as raised,
    ):
        ask_anthropic(client, "m")
    assert of_anthropic(raised.value) == "unauthenticated"
    with anthropic_sdk(data_plane, bot.token) as client:
        with pytest.raises(anthropic.PermissionDeniedError) as denied:
            client.get("/v1/organizations/users", cast_to=object)
        assert of_anthropic(denied.value) == "path-not-allowed"
        with pytest.raises(anthropic.APIStatusError) as large:
            ask_anthropic(client, "m", TOO_LARGE)
        assert large.value.status_code == 413
        assert of_anthropic(large.value) == "body-too-large"


def test_googles_sdk_raises_its_own_errors_for_our_refusals(
    data_plane: DataPlane, bot: TestBot
) -> None:
    with (
        google_sdk(data_plane, "cbt_nobody") as client,
        pytest.raises(google_errors.ClientError) as raised,
    ):
        ask_google(client, "m")
    assert (raised.value.code, raised.value.status) == (401, "UNAUTHENTICATED")
    assert of_google(raised.value) == "unauthenticated"
    with google_sdk(data_plane, bot.token) as client:
        with pytest.raises(google_errors.ClientError) as denied:
            client.caches.get(name="cachedContents/x")
        assert (denied.value.code, of_google(denied.value)) == (403, "path-not-allowed")
        with pytest.raises(google_errors.ClientError) as large:
            ask_google(client, "m", TOO_LARGE)
        assert (large.value.code, of_google(large.value)) == (413, "body-too-large")


def test_each_sdk_raises_its_own_error_when_the_vendor_is_away(
    data_plane: DataPlane,
) -> None:
    keys = [
        data_plane.add_key(vendor, origin=NOWHERE)
        for vendor in ("openai", "anthropic", "google")
    ]
    token = data_plane.new_bot(*keys).token
    code = "upstream-unreachable"
    with openai_sdk(data_plane, token) as client:
        with pytest.raises(openai.InternalServerError) as by_openai:
            ask_openai(client, "m")
        assert (by_openai.value.status_code, of_openai(by_openai.value)) == (502, code)
    with anthropic_sdk(data_plane, token) as client:
        with pytest.raises(anthropic.InternalServerError) as by_anthropic:
            ask_anthropic(client, "m")
        assert by_anthropic.value.status_code == 502
        assert of_anthropic(by_anthropic.value) == code
    with google_sdk(data_plane, token) as client:
        with pytest.raises(google_errors.ServerError) as by_google:
            ask_google(client, "m")
        assert (by_google.value.code, of_google(by_google.value)) == (502, code)


def test_vendors_own_errors_reach_the_sdk_as_they_are(
    data_plane: DataPlane, bot: TestBot
) -> None:
    with (
        openai_sdk(data_plane, bot.token) as client,
        pytest.raises(openai.RateLimitError) as limited,
    ):
        ask_openai(client, new_model("+status=429+retry=7"))
    assert limited.value.response.headers["retry-after"] == "7"
    with (
        anthropic_sdk(data_plane, bot.token) as client,
        pytest.raises(anthropic.RateLimitError),
    ):
        ask_anthropic(client, new_model("+status=429"))
    with google_sdk(data_plane, bot.token) as client:
        with pytest.raises(google_errors.ClientError) as exhausted:
            ask_google(client, new_model("+status=429"))
        assert exhausted.value.status == "RESOURCE_EXHAUSTED"
