"""Channel relays: which channels a bot can use without holding the real token.

The bot's software is given our base URL, `{proxy}/api/v1/channel/{type}`, and a surrogate
in the token's place (`domain/surrogates.py`). The worker puts the real token in. That works
where the software lets the base URL be set and sends the token with each request; why it
does not for the others stands in `NOT_RELAYED`. A new one is one entry here.

What is allowed are the calls that read and write messages. Not among them is what would
redirect a bot's messages elsewhere, spend money, hand out tokens, or end the account.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.telegram_methods import TELEGRAM_METHODS


class TokenPlace(StrEnum):
    """Where the software puts the token."""

    PATH = "path"  # /bot<token>/method, as Telegram has it
    BEARER = "bearer"  # Authorization: Bearer <token>


class ErrorShape(StrEnum):
    """How the channel's software reads errors."""

    TELEGRAM = "telegram"
    SLACK = "slack"
    PLAIN = "plain"


@dataclass(frozen=True, kw_only=True)
class ChannelRelay:
    """How calls to one type of channel are relayed."""

    origin: str
    token_in: TokenPlace
    secret_field: str  # of the channel's credentials
    allowed: re.Pattern[str]  # what may follow the base URL, without the token
    other_secrets: tuple[tuple[str, str], ...] = ()  # (path, field) where it is another
    errors: ErrorShape = ErrorShape.PLAIN

    def field_for(self, path: str) -> str:
        """Which credential the call at this path needs."""
        return dict(self.other_secrets).get(path, self.secret_field)

    def takes(self, token: str) -> bool:
        """Whether the credential can stand where it is to, and change nothing around it."""
        shape = _IN_PATH if self.token_in is TokenPlace.PATH else _IN_HEADER
        return shape.fullmatch(token) is not None

    def allows(self, method: str, path: str) -> bool:
        """Whether the call may be made; nothing is decoded or cleaned first."""
        return method in {"GET", "POST"} and self.allowed.fullmatch(path) is not None

    def target(self, path: str, token: str) -> str:
        """The path as the channel expects it; the token is in it only if it must be."""
        if self.token_in is TokenPlace.BEARER:
            return f"/{path}"
        if path.startswith(_FILE):
            return f"/file/bot{token}/{path.removeprefix(_FILE)}"
        return f"/bot{token}/{path}"


_FILE = "file/"
_IN_PATH = re.compile(r"[A-Za-z0-9:_-]{1,200}")
_IN_HEADER = re.compile(r"[!-~]{1,4096}")
_STEP = r"[A-Za-z0-9_-][A-Za-z0-9._-]*"  # of a path: no dots alone, nothing encoded

RELAYS: Mapping[str, ChannelRelay] = {
    "telegram": ChannelRelay(
        origin="https://api.telegram.org",
        token_in=TokenPlace.PATH,
        secret_field="botToken",  # noqa: S106  # the field's name
        allowed=re.compile(
            rf"{'|'.join(TELEGRAM_METHODS)}|file(?:/{_STEP}){{1,6}}", re.ASCII
        ),
        errors=ErrorShape.TELEGRAM,
    ),
    "slack": ChannelRelay(
        origin="https://slack.com",
        token_in=TokenPlace.BEARER,
        secret_field="botToken",  # noqa: S106
        allowed=re.compile(
            r"api/(?:auth\.test|apps\.connections\.open|api\.test|bots\.info|team\.info"
            r"|emoji\.list|files\.(?:info|getUploadURLExternal|completeUploadExternal)"
            r"|users\.(?:info|list|conversations|lookupByEmail)|pins\.(?:add|list|remove)"
            r"|conversations\.(?:info|list|members|history|replies|open|join|mark)"
            r"|chat\.(?:postMessage|postEphemeral|update|delete|getPermalink"
            r"|startStream|appendStream|stopStream)"
            r"|reactions\.(?:add|get|list|remove)|views\.(?:open|publish|push|update)"
            r"|assistant\.threads\.(?:setStatus|setSuggestedPrompts|setTitle))"
        ),
        other_secrets=(("api/apps.connections.open", "appToken"),),
        errors=ErrorShape.SLACK,
    ),
    "line": ChannelRelay(
        origin="https://api.line.me",
        token_in=TokenPlace.BEARER,
        secret_field="channelAccessToken",  # noqa: S106
        allowed=re.compile(
            rf"v2/bot/(?:info|message/(?:reply|push|multicast|markAsRead)|chat/loading/start"
            rf"|profile/{_STEP}|(?:group|room)/{_STEP}(?:/{_STEP}){{1,2}})"
        ),
    ),
    "whatsapp": ChannelRelay(
        origin="https://graph.facebook.com",
        token_in=TokenPlace.BEARER,
        secret_field="accessToken",  # noqa: S106
        allowed=re.compile(r"v[0-9]{1,3}\.[0-9]/[0-9]{5,20}(?:/messages|/media)?"),
    ),
    "instagram": ChannelRelay(
        origin="https://graph.instagram.com",
        token_in=TokenPlace.BEARER,
        secret_field="accessToken",  # noqa: S106
        allowed=re.compile(
            r"(?:v[0-9]{1,3}\.[0-9]/)?(?:me|[0-9]{5,20})(?:/messages|/conversations)?"
        ),
    ),
}

NOT_RELAYED: Mapping[str, str] = {
    "discord": "Its gateway wants the token inside the WebSocket's first message.",
    "feishu": "Its software signs in with the app secret itself, and keeps what it gets.",
    "wechat": "Its software exchanges the app secret for a token itself.",
    "twitter": "Its software signs each request with all four secrets (OAuth 1.0a).",
    "teams": "Its software exchanges the app password for a token at Microsoft's sign-in.",
    "webchat": "There is no account elsewhere: nothing would be kept from the bot.",
}

_BOT = re.compile(
    r"(?P<file>file/)?bot(?P<number>[0-9]+)(?::|%3[Aa])(?P<rest>[\w-]+)/", re.ASCII
)


def called(relay: ChannelRelay, tail: str, bearer: str) -> tuple[str, str] | None:
    """Token and path of a call, from what follows the base URL and from its header."""
    if relay.token_in is TokenPlace.BEARER:
        return bearer, tail
    found = _BOT.match(tail)
    if found is None:
        return None
    path = (found["file"] or "") + tail[found.end() :]
    return f"{found['number']}:{found['rest']}", path


def error_body(channel_type: str, *, status: int, code: str, message: str) -> bytes:
    """An error of ours, as the channel's software expects one."""
    relay = RELAYS.get(channel_type)
    match relay.errors if relay else ErrorShape.PLAIN:
        case ErrorShape.TELEGRAM:
            text = f"{message} ({code})"
            return _json({"ok": False, "error_code": status, "description": text})
        case ErrorShape.SLACK:
            word = "invalid_auth" if status == _UNKNOWN else code.replace("-", "_")
            return _json({"ok": False, "error": word})
        case ErrorShape.PLAIN:
            return _json({"error": {"code": code, "message": message}})


_UNKNOWN = 401


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
