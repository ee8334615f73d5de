"""Structured logs: one JSON object a line on standard error.

Only the fields named here are written: a record's extra fields pass an allow-list, so that
a secret, a prompt or an answer cannot reach a log by being handed to one.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import orjson

FIELDS = (
    "actor",
    "address",
    "attempt",
    "bot_id",
    "call_id",
    "check_id",
    "code",
    "command",
    "correlation_id",
    "done",
    "duration_ms",
    "error",
    "extra",
    "failure",
    "follower",
    "http_status",
    "id",
    "install_id",
    "job",
    "keeper",
    "kek_id",
    "key_id",
    "kind",
    "landed",
    "log",
    "method",
    "migrations",
    "missing",
    "model",
    "path",
    "pid",
    "port",
    "position",
    "process_id",
    "projection",
    "reason",
    "request_id",
    "returncode",
    "runtime",
    "size",
    "status",
    "step",
    "tile",
    "total",
    "verdict",
    "version",
    "view",
    "webhook_id",
)
LONGEST = 2000  # characters of one value


class JsonLines(logging.Formatter):
    """A record as one line of JSON; whatever is in it cannot start another line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:LONGEST],
        }
        for name in FIELDS:
            value = record.__dict__.get(name)
            if value is not None:
                line[name] = (
                    value if isinstance(value, (int, float)) else str(value)[:LONGEST]
                )
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)[: 4 * LONGEST]
        return orjson.dumps(line).decode()


def configure(level: str = "INFO") -> None:
    """From now on everything that this process logs is written so."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("psycopg.pool", "httpx2", "httpcore2", "pika", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
