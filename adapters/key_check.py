"""Asks the proxy to try a provider key: it alone can open one, and the call is on record.

The cheapest call that fails with a bad key is made through the proxy, with a pass for this
one key. `X-Clawbot-Attempts` tells who answers: 0 is the proxy itself, anything else the
vendor.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx2

from adapters.asked_once import Heard
from adapters.vendor_errors import LARGEST_ERROR, error_in
from application.ports import Found
from domain.catalog import Vendor
from domain.errors import Unavailable
from domain.passes import make_pass
from domain.verdicts import Verdict, judge

TIMEOUT_SECONDS = 70.0  # longer than the proxy waits for a vendor
PASS_SECONDS = 60
LONGEST_CODE = 200  # characters
LARGEST_LIST = 8 * 1024 * 1024  # bytes; a longer list of models is cut off
LONGEST_MODEL = 200  # characters
NO_ANSWER = {502: "upstream-unreachable", 504: "upstream-timeout"}
SUCCESS = range(200, 300)
TRY_LATER = frozenset({401, 429, 500, 503})


class KeyCheckClient:
    """A client of the proxy; may be used by several threads at once."""

    def __init__(self, proxy_url: str, pass_key: bytes) -> None:
        self._proxy_url = proxy_url.rstrip("/")
        self._pass_key = pass_key
        self._client = httpx2.Client(
            timeout=TIMEOUT_SECONDS, trust_env=False, follow_redirects=False
        )

    def close(self) -> None:
        self._client.close()

    def ask(self, key_id: UUID, vendor: Vendor) -> Found:
        """What the vendor says of the key; `Unavailable` if the proxy cannot ask it now."""
        with self._asked(key_id, vendor) as answer:
            body, whole = read(answer, LARGEST_ERROR)
            return _found(answer, vendor, body, whole=whole)

    def models(self, key_id: UUID, vendor: Vendor) -> tuple[Found, tuple[str, ...]]:
        """The same, and the models that the vendor's list names; plays `KeyModels`."""
        with self._asked(key_id, vendor) as answer:
            body, whole = read(answer, LARGEST_LIST)
            found = _found(answer, vendor, body[: LARGEST_ERROR + 1], whole=whole)
        return found, models_in(body) if found.verdict is Verdict.OK else ()

    @contextmanager
    def _asked(self, key_id: UUID, vendor: Vendor) -> Iterator[httpx2.Response]:
        ends_at = int(time.time()) + PASS_SECONDS
        token = make_pass(key_id, ends_at=ends_at, secret=self._pass_key)
        url = f"{self._proxy_url}/api/v1/{vendor.id}/{vendor.models_path.lstrip('/')}"
        headers = {"authorization": f"Bearer {token}"}
        try:
            with self._client.stream("GET", url, headers=headers) as answer:
                yield answer
        except httpx2.HTTPError as error:
            msg = "the proxy does not answer"
            raise Unavailable(msg) from error


def _found(answer: httpx2.Response, vendor: Vendor, body: bytes, *, whole: bool) -> Found:
    attempts = answer.headers.get("x-clawbot-attempts")
    if attempts is None:
        msg = "what answers in the proxy's place is no proxy of ours"
        raise Unavailable(msg)
    if attempts == "0":
        return _refused(answer.status_code, body)
    heard = Heard(status=answer.status_code, headers=answer.headers, whole=whole)
    return verdict_on(heard, vendor, body)


def verdict_on(heard: Heard, vendor: Vendor, body: bytes) -> Found:
    """What a vendor's answer says of the key that it was asked with.

    `body` is the beginning of what it says.
    """
    status, succeeded = heard.status, heard.status in SUCCESS
    if succeeded and not heard.whole:
        return Found(verdict=Verdict.OVERLOADED, http_status=status, error="upstream-cut")
    said = error_in(body, succeeded=succeeded)
    verdict = judge(
        vendor.verdicts,
        status,
        said.type,
        said.code,
        said.message,
        retry_after="retry-after" in heard.headers,
    )
    return Found(verdict=verdict, http_status=status)


def models_in(body: bytes) -> tuple[str, ...]:
    """The models' names, in the order of the vendor's list; none if it is none.

    A list of objects, bare or under `data` or `models`; their `id`, `name` or `model`.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    if isinstance(value, dict):
        value = value.get("data", value.get("models"))
    listed = value if isinstance(value, list) else []
    names = (_name(one) for one in listed if isinstance(one, dict))
    return tuple(dict.fromkeys(name for name in names if name))


def _name(listed: dict[str, object]) -> str | None:
    for field in ("id", "name", "model"):
        name = listed.get(field)
        if isinstance(name, str) and 0 < len(name) <= LONGEST_MODEL and name.isprintable():
            return name.removeprefix("models/")  # Gemini's way
    return None


def _refused(status: int, body: bytes) -> Found:
    """What the proxy itself answered: the vendor is out of reach, or was not asked."""
    if status in TRY_LATER:
        msg = f"the proxy answers {status}"
        raise Unavailable(msg)
    if status in NO_ANSWER:
        return Found(verdict=Verdict.OVERLOADED, error=NO_ANSWER[status])
    code = error_in(body, succeeded=False).code or "refused"
    return Found(verdict=Verdict.CLIENT_ERROR, error=str(code)[:LONGEST_CODE])


def read(answer: httpx2.Response, largest: int) -> tuple[bytes, bool]:
    """The beginning of the body, and whether the end of it came, in time."""
    ends_at = time.monotonic() + TIMEOUT_SECONDS
    kept = bytearray()
    try:
        for piece in answer.iter_raw():
            if len(kept) <= largest:
                kept += piece
            if time.monotonic() > ends_at:
                return bytes(kept), False
    except httpx2.TransportError:
        return bytes(kept), False
    return bytes(kept), True
