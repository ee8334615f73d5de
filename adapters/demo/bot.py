"""The bot: it holds a bot token, knows the proxy's address, and no provider key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import httpx2
import orjson

OPENAI_MODEL = "gpt-5-mini"
ANTHROPIC_MODEL = "claude-sonnet-4-5"
GEMINI_MODEL = "gemini-2.5-flash"
SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back from a call through the proxy."""

    call_id: str
    text: str


class Bot:
    """Calls vendors as their clients do, at the proxy's address."""

    def __init__(self, proxy_base_url: str, token: str) -> None:
        self._base = proxy_base_url.removesuffix("/api/v1").rstrip("/") + "/api/v1"
        self._token = token
        self.call_id = ""  # of the call before
        self.client = "the official openai SDK" if find_spec("openai") else "plain HTTP"

    def openai_stream(self, prompt: str) -> Iterator[str]:
        """The pieces of a streamed answer, as they come."""
        return self._by_sdk(prompt) if find_spec("openai") else self._by_hand(prompt)

    def anthropic(self, prompt: str) -> Answer:
        """A plain answer of the Messages API."""
        body = {
            "model": ANTHROPIC_MODEL,
            "max_tokens": 100,
            "messages": [{"role": "user", "content": prompt}],
        }
        headers = {"x-api-key": self._token, "anthropic-version": "2023-06-01"}
        answer = self._post("/anthropic/v1/messages", headers, body)
        return Answer(call_id=self.call_id, text=answer.json()["content"][0]["text"])

    def gemini(self, prompt: str) -> Answer:
        """A plain answer of the Gemini API."""
        body = {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}
        path = f"/google/v1beta/models/{GEMINI_MODEL}:generateContent"
        answer = self._post(path, {"x-goog-api-key": self._token}, body)
        parts = answer.json()["candidates"][0]["content"]["parts"]
        return Answer(call_id=self.call_id, text=parts[0]["text"])

    def _by_sdk(self, prompt: str) -> Iterator[str]:
        import openai  # noqa: PLC0415 - a demonstration does without

        with openai.OpenAI(base_url=f"{self._base}/openai/v1", api_key=self._token) as sdk:
            raw = sdk.chat.completions.with_raw_response.create(
                model=OPENAI_MODEL,
                messages=[{"role": "user", "content": prompt}],
                stream=True,
            )
            self.call_id = raw.headers["x-call-id"]
            for chunk in raw.parse():
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    def _by_hand(self, prompt: str) -> Iterator[str]:
        body = {
            "model": OPENAI_MODEL,
            "messages": [{"role": "user", "content": prompt}],
            "stream": True,
        }
        url = f"{self._base}/openai/v1/chat/completions"
        headers = {"authorization": f"Bearer {self._token}"}
        with httpx2.stream(
            "POST", url, headers=headers, json=body, timeout=SECONDS
        ) as answer:
            answer.raise_for_status()
            self.call_id = answer.headers["x-call-id"]
            for line in answer.iter_lines():
                data = line.removeprefix("data: ")
                if not data.startswith("{"):
                    continue
                choices = orjson.loads(data)["choices"]
                if choices and choices[0]["delta"].get("content"):
                    yield choices[0]["delta"]["content"]

    def _post(
        self, path: str, headers: Mapping[str, str], body: Mapping[str, object]
    ) -> httpx2.Response:
        answer = httpx2.post(self._base + path, headers=headers, json=body, timeout=SECONDS)
        answer.raise_for_status()
        self.call_id = answer.headers["x-call-id"]
        return answer
