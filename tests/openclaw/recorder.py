"""A vendor's front door: keeps what came, and passes it on to the simulator.

While `tool` is set, the tool whose name holds it stands first among those of a request,
and the simulator is told to ask for a tool, once: it asks for the first. It cannot tell by
itself that it has, because OpenClaw puts a message of its own behind a tool's result.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Recorder:
    """What vendors were asked, oldest first."""

    vendor_url: str
    url: str = ""
    tool: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def wants_tool(self, body: dict[str, Any]) -> bool:
        """Whether the simulator is to ask for the tool."""
        answered = any(one.get("role") == "tool" for one in body.get("messages", []))
        return bool(self.tool) and not answered

    def passed_on(self, body: dict[str, Any]) -> dict[str, Any]:
        """The request as the simulator gets it."""
        tools = body.get("tools", [])
        if self.tool and tools:
            tools = sorted(tools, key=lambda tool: self.tool not in json.dumps(tool))
            return body | {"tools": tools}
        return body


@contextmanager
def recording(vendor_url: str) -> Iterator[Recorder]:
    """The recorder listens until the block ends."""
    recorder = Recorder(vendor_url)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            recorder.bodies.append(body)
            said = json.dumps(recorder.passed_on(body)).encode()
            kept = {"authorization", "content-type"}
            headers = {n: v for n, v in self.headers.items() if n.lower() in kept}
            if recorder.wants_tool(body):
                headers["x-sim"] = "tool"
            place = urlsplit(recorder.vendor_url)
            vendor = http.client.HTTPConnection(place.hostname or "", place.port)
            vendor.request("POST", self.path, said, headers)
            answer = vendor.getresponse()
            content = answer.read()
            vendor.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        try:
            yield recorder
        finally:
            server.shutdown()
            serving.join()
