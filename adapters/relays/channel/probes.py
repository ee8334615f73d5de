"""From a channel's probe, as the catalog has it, to the one request that it means.

Nothing of a credential gets into a path or a query but encoded, nor into a header if it
could end it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from adapters.relays.channel.oauth1 import KEYS, signed
from domain.equipment_catalog import Probe

Fields = Mapping[str, str]

OAUTH1 = "oauth1"
# What stands for a field that was left out: Microsoft's tenant of bots for everybody.
DEFAULTS = {"tenantId": "botframework.com"}
_FIELD = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")
_URL = re.compile(r"(https://[a-z0-9.-]+)(/.*)")
_PLAIN = re.compile(r"[!-~]+")
_STATUS_OK = 200


class Missing(Exception):
    """A field that the probe needs is not there; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class Malformed(Missing):
    """A field cannot be what it is to be."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One request to the channel."""

    origin: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


def trial_of(probe: Probe, fields: Fields, config: Fields) -> Trial:
    """The request that proves these credentials; `Missing`, `Malformed`.

    `apiRoot` of the configuration stands in the place of the channel's own origin.
    """
    given = {**DEFAULTS, **{key: value for key, value in fields.items() if value}}
    url = probe.urls.get(config.get(probe.chosen_by, ""), next(iter(probe.urls.values())))
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError(url)
    target = _filled(found[2], given, _in_url)
    headers = {"accept": "application/json"}
    if probe.auth == OAUTH1:
        keys = {key: _plain(key, _value(key, given)) for key in KEYS}
        headers["authorization"] = signed(probe.method, found[1] + target, keys)
    elif probe.auth:
        headers["authorization"] = _filled(probe.auth, given, _plain)
    body = b""
    if probe.json_body:
        headers["content-type"] = "application/json"
        body = json.dumps(dict(_pairs(probe.json_body, given))).encode()
    elif probe.form or probe.method == "POST":
        headers["content-type"] = "application/x-www-form-urlencoded"
        body = urlencode(dict(_pairs(probe.form, given))).encode()
    return Trial(
        origin=config.get("apiRoot") or found[1],
        method=probe.method,
        target=target,
        headers=headers,
        body=body,
    )


def is_good(probe: Probe, status: int, said: Mapping[str, Any]) -> bool:
    """Whether this is how the channel answers to good credentials."""
    if probe.good == "status":
        return status == _STATUS_OK
    if probe.good_value:
        return bool(said.get(probe.good, ...) == json.loads(probe.good_value))
    return bool(said.get(probe.good))


def _pairs(templates: Fields, given: Fields) -> Iterator[tuple[str, str]]:
    for name, template in templates.items():
        yield name, _filled(template, given, lambda _, value: value)


def _filled(template: str, given: Fields, shape: Any) -> str:
    return _FIELD.sub(lambda key: shape(key[1], _value(key[1], given)), template)


def _value(key: str, given: Fields) -> str:
    if key not in given:
        raise Missing(key)
    return given[key]


def _plain(key: str, value: str) -> str:
    if _PLAIN.fullmatch(value) is None:
        raise Malformed(key)
    return value


def _in_url(key: str, value: str) -> str:
    if not value.strip("."):  # it would be a step upwards
        raise Malformed(key)
    return quote(_plain(key, value), safe=":")
