"""Somebody who uses the control plane over HTTP, as any client of it would."""

from __future__ import annotations

import secrets
import time
from typing import Any

import httpx2

from domain.errors import BadSetup, Unavailable

WAIT_SECONDS = 10.0
LOOK_SECONDS = 0.05


class Person:
    """Signed in; remembers every answer, so that it can be searched for a secret."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self.answers: list[str] = []

    def register(self) -> dict[str, Any]:
        """A new account; every request from now on is made in its name."""
        account = {
            "email": f"demo-{secrets.token_hex(4)}@example.com",
            "password": secrets.token_urlsafe(16),
            "name": "Demo",
        }
        signed_in = self.post("/api/auth/register", account)
        self._client.headers["authorization"] = f"Bearer {signed_in['access_token']}"
        return signed_in

    def add_key(self, vendor: str, secret: str, base_url: str) -> dict[str, Any]:
        """A provider key that may be used at that address only; `BadSetup` if refused."""
        key = {"vendor": vendor, "label": "demo", "secret": secret, "base_url": base_url}
        return self.post("/api/provider-key", key)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._read(self._client.post(path, json=body))

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return self._read(self._client.get(path, params=query))

    def position_of_end(self, call_id: str) -> str:
        """The position of the call's last event, once the audit trail has it."""
        deadline = time.monotonic() + WAIT_SECONDS
        query = {"stream_id": call_id, "type": "call.settled"}
        while not (found := self.get("/api/audit/events", **query)["items"]):
            if time.monotonic() > deadline:
                msg = f"call {call_id} is not in the audit trail; does the projector run?"
                raise Unavailable(msg)
            time.sleep(LOOK_SECONDS)
        return f"{found[0]['log']}={found[0]['position']}"

    def _read(self, answer: httpx2.Response) -> dict[str, Any]:
        self.answers.append(answer.text)
        body: dict[str, Any] = answer.json()
        if answer.is_success:
            return body
        problem = f"{body.get('code')}: {body.get('detail') or body.get('title')}"
        fields = "; ".join(f"{e['field']} {e['code']}" for e in body.get("errors", ()))
        msg = f"{answer.request.url.path} was refused ({problem} {fields})."
        if "base_url" in fields:
            msg += " Start that instance with EGRESS_ALLOW set to the simulator's address."
        raise BadSetup(msg)
