"""A client in front of the control plane, and what the tests keep asking of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app, serve_from
from tests.api.rehearsal import REHEARSAL
from tests.api.system import System

PASSWORD = "nine brave otters"


@dataclass
class Front:
    """A client in front of a system, and what the tests keep asking of it."""

    system: System
    client: TestClient

    def someone(self, email: str | None = None) -> dict[str, str]:
        """A new user; the headers that say it is them."""
        return self.bearer(self.registered(email))

    def registered(self, email: str | None = None) -> dict[str, Any]:
        """What a new user is answered."""
        given = {
            "email": email or f"{uuid4().hex}@example.com",
            "password": PASSWORD,
            "name": "Ada",
        }
        answer = self.client.post("/api/auth/register", json=given)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    @staticmethod
    def bearer(signed_in: dict[str, Any]) -> dict[str, str]:
        return {"Authorization": f"Bearer {signed_in['access_token']}"}


_idle: list[FastAPI] = []  # an application takes a while to find its routes the first time


@contextmanager
def front_of(system: System) -> Iterator[Front]:
    app = _idle.pop() if _idle else create_app(system, REHEARSAL)
    serve_from(app, system, REHEARSAL)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Front(system, client)
    _idle.append(app)


def a_bot(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    """What is answered to a new bot, `ada-1` if nothing else is said."""
    new = {"name": "Ada", "hostname": "ada-1"} | fields
    answer = front.client.post("/api/bot", json=new, headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body
