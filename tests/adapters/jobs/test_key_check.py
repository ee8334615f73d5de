"""The client that asks the proxy: which answer means what for the key."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalog.loader import load_catalog
from adapters.key_check import KeyCheckClient
from adapters.vendor_errors import LARGEST_ERROR, error_in
from application.ports import Found
from domain.errors import Unavailable
from domain.passes import key_of_pass
from domain.verdicts import Verdict
from tests.adapters.jobs.given import FINE, OF_PROXY, OF_VENDOR, scripted_proxy

SAMPLES = Path(__file__).parents[2] / "proxy/usage/samples"
CATALOG = load_catalog()
SECRET = b"\x5a" * 32
Script = tuple[int, Mapping[str, str], bytes]


def ask(*answers: Script, vendor: str = "openai") -> Found:
    with scripted_proxy(*answers) as proxy:
        client = KeyCheckClient(proxy.url, SECRET)
        try:
            return client.ask(uuid4(), CATALOG.get(vendor))
        finally:
            client.close()


def body_of(**error: object) -> bytes:
    return json.dumps({"error": error}).encode()


def test_the_proxy_is_asked_for_the_vendors_cheap_path_with_a_pass_for_this_key() -> None:
    key_id = uuid4()
    with scripted_proxy(FINE) as proxy:
        client = KeyCheckClient(proxy.url + "/", SECRET)
        client.ask(key_id, CATALOG.get("anthropic"))
        client.close()
    ((path, authorization),) = proxy.calls
    assert path == "/api/v1/anthropic/v1/models"
    token = authorization.removeprefix("Bearer ")
    now = int(time.time())
    assert key_of_pass(token, now=now, secret=SECRET) == key_id
    assert key_of_pass(token, now=now + 61, secret=SECRET) is None


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (FINE, Found(verdict=Verdict.OK, http_status=200)),
        (
            (401, OF_VENDOR, body_of(type="x", code="invalid_api_key", message="No.")),
            Found(verdict=Verdict.DEAD, http_status=401),
        ),
        (
            (429, OF_VENDOR, body_of(code="insufficient_quota")),
            Found(verdict=Verdict.NO_FUNDS, http_status=429),
        ),
        ((429, OF_VENDOR, b""), Found(verdict=Verdict.THROTTLED, http_status=429)),
        ((502, OF_VENDOR, b"<p>"), Found(verdict=Verdict.OVERLOADED, http_status=502)),
        ((302, OF_VENDOR, b""), Found(verdict=Verdict.CLIENT_ERROR, http_status=302)),
        (
            (200, OF_VENDOR, b'{"base_resp": {"status_code": 2049, "status_msg": "no"}}'),
            Found(verdict=Verdict.OVERLOADED, http_status=200),
        ),
        (
            (200, OF_VENDOR | {"content-length": "1000"}, b'{"data": ['),
            Found(verdict=Verdict.OVERLOADED, http_status=200, error="upstream-cut"),
        ),
        (
            (401, OF_VENDOR | {"content-length": "1000"}, b'{"err'),
            Found(verdict=Verdict.DEAD, http_status=401),
        ),
    ],
)
def test_what_the_vendor_answers_is_judged(answer: Script, found: Found) -> None:
    assert ask(answer) == found


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        (502, "upstream-unreachable", Verdict.OVERLOADED),
        (504, "upstream-timeout", Verdict.OVERLOADED),
        (403, "path-not-allowed", Verdict.CLIENT_ERROR),
        (404, "unknown-vendor", Verdict.CLIENT_ERROR),
    ],
)
def test_what_the_proxy_says_for_good_is_recorded_under_its_code(
    status: int, code: str, verdict: Verdict
) -> None:
    anthropic = body_of(type="x", message="no", details={"code": code})
    gemini = body_of(status="X", message="no", details=[{"reason": code}])
    for body in (body_of(code=code), anthropic, gemini):
        found = ask((status, OF_PROXY, body))
        assert found == Found(verdict=verdict, error=code)


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_what_the_proxy_may_do_later_is_no_verdict(status: int) -> None:
    with pytest.raises(Unavailable):
        ask((status, OF_PROXY, body_of(code="unavailable")))


def test_what_is_not_our_proxy_gives_no_verdict() -> None:
    with pytest.raises(Unavailable):
        ask((401, {}, b""))


def test_a_proxy_that_is_away_gives_no_verdict(free_port: int) -> None:
    client = KeyCheckClient(f"http://127.0.0.1:{free_port}", SECRET)
    with pytest.raises(Unavailable):
        client.ask(uuid4(), CATALOG.get("openai"))
    client.close()


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted_proxy((401, OF_VENDOR, b"")) as other:
        monkeypatch.setenv("HTTP_PROXY", other.url)
        monkeypatch.setenv("ALL_PROXY", other.url)
        assert ask(FINE).verdict is Verdict.OK
        assert other.calls == []


def test_a_long_list_of_models_is_read_to_its_end_and_not_kept() -> None:
    long = b'{"data": "' + b"x" * 3_000_000 + b'"}'
    assert ask((200, OF_VENDOR, long)) == Found(verdict=Verdict.OK, http_status=200)


ERRORS = sorted(SAMPLES.glob("*/error_*.expected.json"))


@pytest.mark.parametrize("expected", ERRORS, ids=lambda path: path.name.split(".")[0])
def test_errors_are_read_as_the_proxy_reads_them(expected: Path) -> None:
    sample = json.loads(expected.read_bytes())
    body = expected.with_name(sample["body_file"]).read_bytes()
    read = error_in(body, succeeded=sample["http_status"] == 200)
    wanted = sample["error"] or {"type": None, "code": None, "message": None}
    assert (read.type, read.code) == (wanted["type"], wanted["code"])
    assert (read.message or "") == (wanted["message"] or "")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["error", "details", "code", "base_resp", "type", "detail"]),
            inner,
        )
    ),
)


@given(value=JSON, succeeded=st.booleans())
def test_no_answer_breaks_the_reader(value: object, *, succeeded: bool) -> None:
    read = error_in(json.dumps(value).encode(), succeeded=succeeded)
    assert isinstance(read.type, str | None)
    assert isinstance(read.code, str | int | None)
    assert isinstance(read.message, str | None)


def test_what_is_no_json_or_too_long_says_nothing() -> None:
    for body in (b"", b"\xff\xfe", b"[" * 100_000, b'{"a": "' + b"x" * LARGEST_ERROR):
        assert error_in(body, succeeded=False).code is None
