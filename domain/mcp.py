"""What the MCP relay and its callers agree on (Model Context Protocol, streamable HTTP)."""

from __future__ import annotations

import json
import re

# Newest first. A client that names none speaks 2025-03-26, as the protocol says.
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
SESSION = "mcp-session-id"
VERSION = "mcp-protocol-version"
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

OURS = -32000  # JSON-RPC: free for servers
NO_SUCH_METHOD = -32601


def error_body(*, code: str, message: str, number: int = OURS) -> bytes:
    """An error of ours that answers no request in particular."""
    error = {"code": number, "message": message, "data": {"code": code}}
    said = {"jsonrpc": "2.0", "id": None, "error": error}
    return json.dumps(said, separators=(",", ":")).encode()
