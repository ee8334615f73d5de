"""A tiny bot: what a team's own image may look like inside. Runs in a test container.

It reads its token from BOT_TOKEN_FILE for every call, calls its vendor through
PROXY_BASE_URL with the official `openai` SDK, and answers on port 8080:

    /health                     is it up
    /ask?model=&prompt=         asks the model; what came back, or the error
    /say?text=&to=stdout        writes a line to its log
    /file?name=                 what a file of its container says
    /fill?mib=                  takes that much memory
    /exit?code=                 ends
"""

from __future__ import annotations

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit


def ask(query: dict[str, str]) -> dict[str, object]:
    """One call through the proxy."""
    from openai import OpenAI  # noqa: PLC0415  # takes a second, which /health need not wait for

    vendor = query.get("vendor", "openai")
    with OpenAI(
        base_url=f"{os.environ['PROXY_BASE_URL']}/api/v1/{vendor}",
        api_key=Path(os.environ["BOT_TOKEN_FILE"]).read_text().strip(),
        max_retries=0,
        timeout=30,
    ) as client:
        answer = client.chat.completions.create(
            model=query.get("model", "gpt-4o"),
            messages=[{"role": "user", "content": query.get("prompt", "Hello")}],
        )
    return answer.model_dump()


def say(query: dict[str, str]) -> dict[str, object]:
    to = sys.stderr if query.get("to") == "stderr" else sys.stdout
    to.write(query["text"] + "\n")
    to.flush()
    return {"said": True}


def file(query: dict[str, str]) -> dict[str, object]:
    return {"text": Path(query["name"]).read_text()}


def fill(query: dict[str, str]) -> dict[str, object]:
    return {"taken": len(b"x" * (int(query["mib"]) * 2**20))}


def leave(query: dict[str, str]) -> dict[str, object]:
    code = int(query.get("code", "0"))
    threading.Timer(0.1, lambda: os._exit(code)).start()
    return {"leaving": code}


def health(_query: dict[str, str]) -> dict[str, object]:
    return {"ok": True, "hostname": os.environ.get("BOT_HOSTNAME")}


ROUTES = {
    "/health": health,
    "/ask": ask,
    "/say": say,
    "/file": file,
    "/fill": fill,
    "/exit": leave,
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        status = 200
        try:
            answer = ROUTES[asked.path](dict(parse_qsl(asked.query)))
        except Exception as error:  # noqa: BLE001  # the test reads which
            status, answer = 500, {"error": type(error).__name__, "detail": str(error)}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Its log is what it is told to say."""


def main() -> None:
    say({"text": "up"})
    ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()


if __name__ == "__main__":
    main()
