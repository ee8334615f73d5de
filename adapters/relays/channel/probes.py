"""The cheapest call of each channel that proves its credentials.

A table: what is asked, and what a good answer looks like. Nothing of a credential gets
into a path or a query but encoded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from adapters.relays.channel.oauth1 import signed

Fields = Mapping[str, str]


class Malformed(Exception):
    """A field does not look like what it is to be; `field` names it."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One request to the channel."""

    origin: str
    method: str
    target: str
    authorization: str = ""
    body: bytes = b""
    content_type: str = "application/json"


@dataclass(frozen=True, kw_only=True)
class Probe:
    """How a channel's credentials are tried."""

    needs: tuple[str, ...]
    trial: Callable[[Fields, Fields], Trial]  # of the credentials and the configuration
    good: Callable[[int, Mapping[str, Any]], bool]


def _got(status: int, _said: Mapping[str, Any]) -> bool:
    return status == 200  # noqa: PLR2004


def _says_ok(_status: int, said: Mapping[str, Any]) -> bool:
    return said.get("ok") is True


def _gives_token(_status: int, said: Mapping[str, Any]) -> bool:
    return bool(said.get("access_token"))


def _bearer(origin: str, target: str, field: str, scheme: str = "Bearer") -> Any:
    def trial(fields: Fields, _config: Fields) -> Trial:
        authorization = f"{scheme} {_header(fields, field)}"
        return Trial(
            origin=origin, method="GET", target=target, authorization=authorization
        )

    return trial


def _feishu(fields: Fields, config: Fields) -> Trial:
    lark = config.get("domain") == "lark"
    return Trial(
        origin="https://open.larksuite.com" if lark else "https://open.feishu.cn",
        method="POST",
        target="/open-apis/auth/v3/tenant_access_token/internal",
        body=_json({"app_id": fields["appId"], "app_secret": fields["appSecret"]}),
    )


def _telegram(fields: Fields, config: Fields) -> Trial:
    token = _like(r"[0-9]{5,20}:[A-Za-z0-9_-]{20,100}", fields, "botToken")
    origin = config.get("apiRoot", "https://api.telegram.org")
    return Trial(origin=origin, method="GET", target=f"/bot{token}/getMe")


def _slack(fields: Fields, _config: Fields) -> Trial:
    authorization = f"Bearer {_header(fields, 'botToken')}"
    return Trial(
        origin="https://slack.com",
        method="POST",
        target="/api/auth.test",
        authorization=authorization,
        content_type="application/x-www-form-urlencoded",
    )


def _wechat(fields: Fields, _config: Fields) -> Trial:
    asked = {
        "grant_type": "client_credential",
        "appid": fields["appId"],
        "secret": fields["appSecret"],
    }
    target = f"/cgi-bin/token?{urlencode(asked)}"
    return Trial(origin="https://api.weixin.qq.com", method="GET", target=target)


def _whatsapp(fields: Fields, _config: Fields) -> Trial:
    number = _like(r"[0-9]{5,20}", fields, "phoneNumberId")
    return Trial(
        origin="https://graph.facebook.com",
        method="GET",
        target=f"/v21.0/{number}",
        authorization=f"Bearer {_header(fields, 'accessToken')}",
    )


def _twitter(fields: Fields, _config: Fields) -> Trial:
    origin, target = "https://api.x.com", "/2/users/me"
    return Trial(
        origin=origin,
        method="GET",
        target=target,
        authorization=signed("GET", f"{origin}{target}", fields),
    )


def _teams(fields: Fields, _config: Fields) -> Trial:
    tenant = fields.get("tenantId") or "botframework.com"
    asked = {
        "grant_type": "client_credentials",
        "client_id": fields["appId"],
        "client_secret": fields["appPassword"],
        "scope": "https://api.botframework.com/.default",
    }
    return Trial(
        origin="https://login.microsoftonline.com",
        method="POST",
        target=f"/{quote(tenant, safe='')}/oauth2/v2.0/token",
        body=urlencode(asked).encode(),
        content_type="application/x-www-form-urlencoded",
    )


PROBES: Mapping[str, Probe] = {
    "feishu": Probe(
        needs=("appId", "appSecret"),
        trial=_feishu,
        good=lambda _, said: said.get("code") == 0,
    ),
    "telegram": Probe(needs=("botToken",), trial=_telegram, good=_says_ok),
    "slack": Probe(needs=("botToken",), trial=_slack, good=_says_ok),
    "wechat": Probe(needs=("appId", "appSecret"), trial=_wechat, good=_gives_token),
    "discord": Probe(
        needs=("botToken",),
        trial=_bearer("https://discord.com", "/api/v10/users/@me", "botToken", "Bot"),
        good=_got,
    ),
    "whatsapp": Probe(needs=("accessToken", "phoneNumberId"), trial=_whatsapp, good=_got),
    "twitter": Probe(
        needs=("apiKey", "apiSecret", "accessToken", "accessTokenSecret"),
        trial=_twitter,
        good=_got,
    ),
    "instagram": Probe(
        needs=("accessToken",),
        trial=_bearer("https://graph.instagram.com", "/me?fields=id", "accessToken"),
        good=_got,
    ),
    "teams": Probe(needs=("appId", "appPassword"), trial=_teams, good=_gives_token),
    "line": Probe(
        needs=("channelAccessToken",),
        trial=_bearer("https://api.line.me", "/v2/bot/info", "channelAccessToken"),
        good=_got,
    ),
}


def _header(fields: Fields, field: str) -> str:
    """A value that may stand in a header, which nothing in it may end."""
    return _like(r"[!-~]{1,4096}", fields, field)


def _like(pattern: str, fields: Fields, field: str) -> str:
    if re.fullmatch(pattern, fields[field]) is None:
        raise Malformed(field)
    return fields[field]


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
