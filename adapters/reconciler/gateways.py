"""What a bot's gateway says of the workspace that it has read: plays `Readers`.

OpenClaw 2026.9 (docs/plugins/admin-http-rpc.md): `POST /api/v1/admin/rpc` with the token of
the gateway, `{"method": "config.get"}`. Our revision stands in the description of the
agent, and is in force once `appliedConfigHash` is the hash of what was read. Any other
image reads its files by itself and tells nobody.

A bot is taken for hostile: whatever answers in its gateway's place is heard for 5 s.
"""

from __future__ import annotations

import json
import logging
import ssl
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2

from adapters.asked_once import Question, ask
from application.ports import Secret
from domain.bots import Bot
from domain.images import ImageFamily, image_of

SECONDS = 5.0
LARGEST = 8 * 1024 * 1024  # bytes: many times a config, with all that it is made from
GOOD = 200
QUESTION = json.dumps({"method": "config.get", "params": {}}).encode()

log = logging.getLogger(__name__)


class GatewayReaders:
    """Asks gateways; safe to use from threads."""

    def __init__(self, gateway_token: Callable[[UUID], Secret | None]) -> None:
        self._gateway_token = gateway_token
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # of no use: it is plain HTTP

    def revision_of(self, bot_id: UUID, bot: Bot, address: str, written: str) -> str | None:
        """The revision that is in force; None if the gateway does not tell."""
        if image_of(bot.image).family is not ImageFamily.OPENCLAW:
            return written
        token = self._gateway_token(bot_id)
        if token is None:
            return None
        question = Question(
            method="POST",
            url=f"http://{address}/api/v1/admin/rpc",
            headers={
                "authorization": f"Bearer {token.reveal().decode()}",
                "content-type": "application/json",
                "accept-encoding": "identity",
            },
            content=QUESTION,
        )
        try:
            heard = ask(question, tls=self._tls, most=LARGEST, seconds=SECONDS)
            is_good = heard.status == GOOD and heard.whole
            return revision_in(json.loads(heard.body)) if is_good else None
        except (httpx2.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            log.info("gateway.silent", extra={"bot_id": bot_id, "error": str(error)})
            return None
        finally:
            token.wipe()


def revision_in(answer: Any) -> str | None:
    """Our mark in what `config.get` answers, if that config is the one in force."""
    try:
        payload = answer["payload"]
        if payload["configRevisionHash"] != payload["appliedConfigHash"]:
            return None
        mark = payload["config"]["agents"]["entries"]["main"]["description"]
    except (KeyError, TypeError):
        return None
    return mark if isinstance(mark, str) else None
