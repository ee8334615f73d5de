"""Channels of an OpenClaw bot, and what is to be said about those that it cannot have.

Only what OpenClaw knows goes into its config: an unknown key stops its start. Credentials
are referred to by their place in the secrets file. Telegram's can stay with the manager:
its `apiRoot` is our relay, and the bot holds a surrogate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.containers import NetworkPolicy
from domain.equipment import BotChannel
from domain.workspace.facts import WorkspaceFacts
from domain.workspace.notes import note
from domain.workspace.rendered import Note
from domain.workspace.texts import check_line, json_object

SECRETS_DIR = "/run/openclaw"
PLUGINS_DIR = "/opt/plugins"  # where the image has what does not come with OpenClaw

Values = Mapping[str, Any]
Refer = Callable[[str], Any]  # a secret field of this channel, as OpenClaw refers to it


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """What OpenClaw gets to know of a bot's channels."""

    channels: dict[str, Any]
    holding: dict[str, UUID]  # whose credentials each of them uses
    plugins: tuple[str, ...]
    paths: tuple[str, ...]  # of plugins that do not come with it
    notes: tuple[Note, ...]


@dataclass(frozen=True, kw_only=True)
class _Kind:
    id: str  # OpenClaw's own
    needs: tuple[str, ...]  # secret fields
    own: Callable[[Values, Refer, WorkspaceFacts, BotChannel], dict[str, Any]]
    bundled: bool = False
    ingress: bool = False


def channels_of(facts: WorkspaceFacts) -> Rendering:
    """The channels that are connected, each once; what cannot be is noted."""
    notes: list[Note] = []
    channels: dict[str, Any] = {}
    holding: dict[str, UUID] = {}
    kinds: list[_Kind] = []
    for channel in facts.channels:
        if not channel.connected:
            continue
        kind = _KINDS.get(channel.channel_type)
        refusal = _refusal(facts, channel, kind, channels)
        if kind is None or refusal:
            notes.append(note(refusal, channel.channel_type))
            continue
        channels[kind.id] = _channel(facts, channel, kind)
        holding[kind.id] = channel.id
        kinds.append(kind)
        notes += _said_of(facts, channel, kind, channels[kind.id])
    return Rendering(
        channels=channels,
        holding=holding,
        plugins=tuple(kind.id for kind in kinds),
        paths=tuple(f"{PLUGINS_DIR}/{kind.id}" for kind in kinds if not kind.bundled),
        notes=tuple(notes),
    )


def _refusal(
    facts: WorkspaceFacts, channel: BotChannel, kind: _Kind | None, there: Values
) -> str:
    """Why the channel cannot be, as a note's code; "" if it can."""
    if kind is None:
        by_qr = channel.channel_type in {"whatsapp", "wechat"}
        return "channel-by-qr-only" if by_qr else "channel-not-supported"
    if kind.id in there:
        return "channel-twice"
    given = facts.secrets.channels.get(channel.id, {})
    if any(field not in given for field in kind.needs):
        return "channel-without-credentials"
    return ""


def _said_of(
    facts: WorkspaceFacts, channel: BotChannel, kind: _Kind, rendered: Values
) -> list[Note]:
    codes = []
    if rendered["dmPolicy"] == "allowlist" and not rendered["allowFrom"]:
        codes.append("channel-answers-nobody")
    if not channel.relayed:
        codes.append("secret-in-bot")
        if facts.network is not NetworkPolicy.EGRESS:
            codes.append("channel-needs-egress")
    if kind.ingress:
        codes.append("channel-needs-ingress")
    return [note(code, channel.channel_type) for code in codes]


def _channel(facts: WorkspaceFacts, channel: BotChannel, kind: _Kind) -> dict[str, Any]:
    values = json_object("channel.credentials", channel.credentials)
    values |= json_object("channel.config", channel.config)
    return {
        "enabled": True,
        **kind.own(values, _referring(kind.id), facts, channel),
        **_people(values),
    }


def _referring(kind_id: str) -> Refer:
    return lambda field: secret_ref(f"/channels/{kind_id}/{field}")


def secret_ref(place: str) -> dict[str, str]:
    """How OpenClaw is told where in the secrets file to look."""
    return {"source": "file", "provider": "bot", "id": place}


def _people(values: Values) -> dict[str, Any]:
    """Who is answered: those on the list, or everybody if the list says `*`; no groups."""
    listed = values.get("allowFrom", [])
    people = [_one(who) for who in (listed if isinstance(listed, list) else [listed])]
    return {
        "dmPolicy": "open" if "*" in people else "allowlist",
        "allowFrom": ["*"] if "*" in people else people,
        "groupPolicy": "disabled",
    }


def _one(who: Any) -> str:
    return check_line("channel.config.allowFrom", str(who))


def _said(values: Values, *fields: str) -> dict[str, str]:
    """Those of the fields that say something."""
    return {
        field: check_line(f"channel.{field}", str(values[field]))
        for field in fields
        if values.get(field) not in (None, "")
    }


def _telegram(
    _: Values, refer: Refer, facts: WorkspaceFacts, channel: BotChannel
) -> dict[str, Any]:
    own: dict[str, Any] = {
        "botToken": refer("botToken"),
        "commands": {"native": False, "nativeSkills": False},
    }
    if channel.relayed:
        own["apiRoot"] = f"{facts.proxy_url}/api/v1/channel/telegram"
        own["network"] = {"dangerouslyAllowPrivateNetwork": True}
    return own


def _discord(
    values: Values, refer: Refer, _: WorkspaceFacts, __: BotChannel
) -> dict[str, Any]:
    return {"token": refer("botToken"), **_said(values, "applicationId")}


def _slack(
    _: Values, refer: Refer, facts: WorkspaceFacts, channel: BotChannel
) -> dict[str, Any]:
    given = facts.secrets.channels.get(channel.id, {})
    if "appToken" in given:
        return {
            "mode": "socket",
            "botToken": refer("botToken"),
            "appToken": refer("appToken"),
        }
    own: dict[str, Any] = {"mode": "http", "botToken": refer("botToken")}
    if "signingSecret" in given:
        own["signingSecret"] = refer("signingSecret")
    return own


def _feishu(
    values: Values, refer: Refer, _: WorkspaceFacts, __: BotChannel
) -> dict[str, Any]:
    domain = "lark" if values.get("domain") == "lark" else "feishu"
    return {
        **_said(values, "appId"),
        "appSecret": refer("appSecret"),
        "domain": domain,
        "connectionMode": "websocket",
    }


def _teams(
    values: Values, refer: Refer, _: WorkspaceFacts, __: BotChannel
) -> dict[str, Any]:
    return {**_said(values, "appId", "tenantId"), "appPassword": refer("appPassword")}


def _line(_: Values, __: Refer, ___: WorkspaceFacts, ____: BotChannel) -> dict[str, Any]:
    """LINE takes files where the others take references."""
    return {
        "tokenFile": f"{SECRETS_DIR}/line-channelAccessToken",
        "secretFile": f"{SECRETS_DIR}/line-channelSecret",
    }


_KINDS = {
    "telegram": _Kind(id="telegram", needs=("botToken",), own=_telegram, bundled=True),
    "discord": _Kind(id="discord", needs=("botToken",), own=_discord),
    "slack": _Kind(id="slack", needs=("botToken",), own=_slack),
    "feishu": _Kind(id="feishu", needs=("appSecret",), own=_feishu),
    "teams": _Kind(id="msteams", needs=("appPassword",), own=_teams, ingress=True),
    "line": _Kind(
        id="line", needs=("channelAccessToken", "channelSecret"), own=_line, ingress=True
    ),
}

# Those whose address can be our relay, so that the real token stays with the manager.
RELAYED = frozenset({"telegram"})
