"""WeChat and Feishu: like OAuth 2, each in its own way, and without verified addresses.

Whoever has no account here yet registers first and links it then. WeChat takes the secret
and the code in the query (it knows no other way) and has no PKCE; an error comes as 200
with a code of its own.

WeChat    developers.weixin.qq.com: Website App, WeChat Login
Feishu    open.feishu.cn: authen/v2/oauth/token, authen/v1/user_info
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from adapters.sign_in.asking import (
    Client,
    asked,
    authorization_url,
    json_of,
    needed_in,
    plain_client,
    text_in,
)
from adapters.sign_in.oauth2 import Endpoints
from application.identities import Errand, Identity
from domain.errors import Unauthenticated

WECHAT = Endpoints(
    issuer="https://open.weixin.qq.com",
    authorize="https://open.weixin.qq.com/connect/qrconnect",
    token="https://api.weixin.qq.com/sns/oauth2/access_token",  # noqa: S106 - an address
    user="https://api.weixin.qq.com/sns/userinfo",
)
FEISHU = Endpoints(
    issuer="https://accounts.feishu.cn",
    authorize="https://accounts.feishu.cn/open-apis/authen/v1/authorize",
    token="https://open.feishu.cn/open-apis/authen/v2/oauth/token",  # noqa: S106
    user="https://open.feishu.cn/open-apis/authen/v1/user_info",
)


class WeChatProvider:
    """Plays `SignInProvider`; somebody is told by their `openid` for the app."""

    def __init__(self, client: Client, endpoints: Endpoints = WECHAT) -> None:
        self._client = client
        self._endpoints = endpoints

    def may_say(self, issuer: str) -> bool:  # noqa: ARG002 - another redirect tells it
        return True

    def authorization_url(self, errand: Errand) -> str:
        query = {
            "appid": self._client.client_id,
            "redirect_uri": errand.redirect_uri,
            "response_type": "code",
            "scope": "snsapi_login",
            "state": errand.state,
        }
        return f"{self._endpoints.authorize}?{urlencode(query)}#wechat_redirect"

    def identity(self, errand: Errand, code: str) -> Identity:  # noqa: ARG002 - no PKCE
        query = {
            "appid": self._client.client_id,
            "secret": self._client.client_secret,
            "code": code,
            "grant_type": "authorization_code",
        }
        tokens = asked(self._client, self._endpoints.token, query=query)
        openid = needed_in(tokens, "openid")
        told = {"access_token": needed_in(tokens, "access_token"), "openid": openid}
        user = asked(self._client, self._endpoints.user, query=told)
        if needed_in(user, "openid") != openid:
            raise Unauthenticated
        return Identity(
            issuer=self._endpoints.issuer, subject=openid, name=text_in(user, "nickname")
        )


class FeishuProvider:
    """Plays `SignInProvider`; somebody is told by their `open_id` for the app."""

    def __init__(self, client: Client, endpoints: Endpoints = FEISHU) -> None:
        self._client = client
        self._endpoints = endpoints

    def may_say(self, issuer: str) -> bool:  # noqa: ARG002 - another redirect tells it
        return True

    def authorization_url(self, errand: Errand) -> str:
        return authorization_url(self._client, self._endpoints.authorize, "", errand)

    def identity(self, errand: Errand, code: str) -> Identity:
        given = {
            "grant_type": "authorization_code",
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret,
            "code": code,
            "redirect_uri": errand.redirect_uri,
            "code_verifier": errand.verifier,
        }
        with plain_client(self._client) as asking:
            tokens = json_of(asking.post(self._endpoints.token, json=given))
        token = needed_in(_good(tokens), "access_token")
        user = _good(asked(self._client, self._endpoints.user, token=token)).get("data")
        return Identity(
            issuer=self._endpoints.issuer,
            subject=needed_in(user, "open_id"),
            name=text_in(user, "name"),
        )


def _good(answer: Any) -> dict[str, Any]:
    """An answer of Feishu's whose `code` is 0."""
    if not isinstance(answer, dict) or answer.get("code") != 0:
        raise Unauthenticated
    return answer
