"""A server that speaks for one person as GitHub, Discord, WeChat and Feishu document it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.little_server import Answering, first_of_each, little_server

CLIENT_ID, SECRET, CODE, VERIFIER = "our-id", "our-secret", "a-code", "v" * 43
TOKEN = {"access_token": "an-access-token", "token_type": "bearer"}
USERS: dict[str, Any] = {
    "/github/user": {
        "id": 583231,
        "login": "octocat",
        "name": None,
        "email": "a@b.example",
    },
    "/github/user/emails": [
        {"email": "old@example.com", "primary": False, "verified": True},
        {"email": "octocat@example.com", "primary": True, "verified": True},
    ],
    "/discord/users/@me": {
        "id": "80351110224678912",
        "username": "nelly",
        "global_name": "Nelly",
        "email": "nelly@example.com",
        "verified": True,
    },
    "/feishu/user": {
        "code": 0,
        "msg": "success",
        "data": {
            "name": "张三",
            "open_id": "ou-caecc734c2e3328a",
            "email": "z@example.com",
        },
    },
}
WECHAT_USER = {"openid": "oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "nickname": "微信用户"}


@dataclass
class Thin:
    """Where it is; `users` is what it says of them."""

    url: str
    users: dict[str, Any] = field(default_factory=lambda: dict(USERS))
    wechat: dict[str, Any] = field(default_factory=lambda: dict(WECHAT_USER))

    def got(self, place: str, query: dict[str, str], authorization: str) -> Any:
        """What a GET is answered; None: no."""
        if place == "/wechat/token":
            wanted = {"appid": CLIENT_ID, "secret": SECRET, "code": CODE}
            if query == wanted | {"grant_type": "authorization_code"}:
                return TOKEN | {"openid": WECHAT_USER["openid"], "expires_in": 7200}
            return {"errcode": 40029, "errmsg": "invalid code"}
        if place == "/wechat/user":
            good = {"access_token": TOKEN["access_token"], "openid": WECHAT_USER["openid"]}
            return self.wechat if query == good else {"errcode": 40003}
        return self.users.get(place) if authorization == "Bearer an-access-token" else None

    @staticmethod
    def posted(place: str, given: dict[str, str]) -> Any:
        """What a code is exchanged for."""
        right = (given.get("client_id"), given.get("client_secret"), given.get("code"))
        if (*right, given.get("code_verifier")) == (CLIENT_ID, SECRET, CODE, VERIFIER):
            return TOKEN | ({"code": 0} if place == "/feishu/token" else {})
        if place == "/github/token":
            return {"error": "bad_verification_code"}
        return None


@contextmanager
def thin_server() -> Iterator[Thin]:
    """On this machine, until the block ends."""

    class Handler(Answering):
        def get(self) -> None:
            place = urlsplit(self.path)
            query = first_of_each(place.query)
            authorization = self.headers.get("authorization", "")
            self._answer(known.got(place.path, query, authorization))

        def post(self) -> None:
            is_json = self.headers["content-type"].startswith("application/json")
            given = json.loads(self.body()) if is_json else self.form()
            self._answer(known.posted(self.path, given))

        def _answer(self, said: Any) -> None:
            self.answer_json(200 if said else 400, said or {"error": "invalid_grant"})

    with little_server(Handler) as url:
        known = Thin(url=url)
        yield known
