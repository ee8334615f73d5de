"""A tiny MCP server over stdio, good and bad. Run as a script; standard library only.

The tool that is called says what it does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SAYING = threading.Lock()


def say(**message: Any) -> None:
    with SAYING:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def text(said: object) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": str(said)}]}


def do(name: str, given: dict[str, Any], token: Any) -> dict[str, Any]:  # noqa: C901, PLR0911, PLR0912
    match name:
        case "echo":
            return text(given.get("text"))
        case "pid":
            return text(os.getpid())
        case "who":
            files = list(Path("/proc/self/fd").iterdir())
            return text(f"{os.getuid()} {Path.cwd()} {len(files)}")
        case "environment":
            return text(json.dumps(dict(os.environ)))
        case "slow":
            for step in range(int(given.get("steps", 3))):
                time.sleep(float(given.get("seconds", 0.2)))
                if token is not None:
                    say(
                        method="notifications/progress",
                        params={"progressToken": token, "progress": step, "total": 3},
                    )
            return text("done")
        case "tell":
            say(method="notifications/tools/list_changed")
            return text("told")
        case "ask":
            say(id="s1", method="sampling/createMessage", params={})
            return text("asked")
        case "read":
            try:
                return text(Path(given["path"]).read_text()[:200])
            except OSError as error:
                return text(type(error).__name__)
        case "write":
            try:
                Path(given["path"]).write_text("x")
            except OSError as error:
                return text(type(error).__name__)
            return text("written")
        case "signal":
            try:
                os.kill(given["pid"], 0)
            except OSError as error:
                return text(type(error).__name__)
            return text("signalled")
        case "memory":
            try:
                return text(len(bytearray(given["mebibytes"] * 1024 * 1024)))
            except MemoryError:
                return text("MemoryError")
        case "leave":  # a child that would outlive us
            apart = bool(given["apart"])
            child = subprocess.Popen(["/bin/sleep", "600"], start_new_session=apart)
            return text(child.pid)
        case "die":
            os._exit(3)
        case "hang":
            time.sleep(600)
        case "garbage":
            for _ in range(200):
                sys.stdout.write("no message at all\n")
            sys.stdout.flush()
            return text("said")
        case "flood":
            while True:
                say(method="notifications/message", params={"data": "x" * 10})
        case "endless":
            while True:
                sys.stdout.write("x" * 1_000_000)
        case _:
            return {"isError": True, **text("no such tool")}
    return text("never")


def answer(message: dict[str, Any]) -> None:
    method, number, params = message["method"], message.get("id"), message.get("params", {})
    if method == "initialize":
        about = {"name": "little", "version": "1"}
        say(
            id=number,
            result={
                "protocolVersion": os.environ.get("SPEAKS", params["protocolVersion"]),
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": about,
            },
        )
    elif method == "tools/list":
        schema = {"type": "object"}
        say(id=number, result={"tools": [{"name": "echo", "inputSchema": schema}]})
    elif method == "tools/call":
        token = params.get("_meta", {}).get("progressToken")
        say(id=number, result=do(params["name"], params.get("arguments", {}), token))
    elif number is not None:
        say(id=number, error={"code": -32601, "message": "no such method"})


def main() -> None:
    if os.environ.get("DIES"):
        sys.exit(1)
    if os.environ.get("SLEEPS"):
        time.sleep(float(os.environ["SLEEPS"]))
    for one in sys.stdin:
        message = json.loads(one)
        if "method" in message:
            threading.Thread(target=answer, args=(message,), daemon=True).start()


if __name__ == "__main__":
    main()
