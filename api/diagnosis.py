"""A bot's diagnosis: what is checked of it, and what came of each check. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from application.fleet_watch import ChannelVerdict, RunFacts
from domain.bot_events import DesiredState, ProviderLink, Runtime
from domain.containers import ContainerState, Health, NetworkPolicy
from domain.keys import KeyStatus
from projections.bot_directory import BotRow
from projections.key_ring import KeyRow


class CheckStatus(StrEnum):
    """What came of one check."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Check:
    """`code` chooses the words, `about` stands in them."""

    name: str
    status: CheckStatus
    code: str
    about: str = ""
    latency_ms: int | None = None


def checks(
    row: BotRow,
    keys: Sequence[KeyRow],
    facts: RunFacts | None,
    channels: Iterable[tuple[str, ChannelVerdict | None]],
    now: datetime,
) -> list[Check]:
    """Every check; `facts` and verdicts are None where nobody could look."""
    return [
        *_keys(keys, now),
        *_models(row, keys, now),
        *_channels(channels),
        _container(row, facts),
        _network(row),
        _proxy(facts),
        _workspace(row, facts),
    ]


def linked_keys(links: Iterable[ProviderLink], keys: Iterable[KeyRow]) -> list[KeyRow]:
    """The team's keys that one of the links names."""
    wanted = list(links)
    return [key for key in keys if any(_names(link, key) for link in wanted)]


def _names(link: ProviderLink, key: KeyRow) -> bool:
    if link.provider_key_id is not None:
        return link.provider_key_id == key.key_id
    by_vendor = link.vendor in {None, key.vendor}
    return by_vendor and (link.tag is None or link.tag in key.tags)


def _works(key: KeyRow, now: datetime) -> bool:
    return key.standing.status_at(now) is KeyStatus.ACTIVE


def _keys(keys: Sequence[KeyRow], now: datetime) -> Iterator[Check]:
    if not keys:
        yield Check(name="key", status=CheckStatus.FAILED, code="key-none")
    for key in keys:
        status, code = CheckStatus.FAILED, "key-bad"
        if _works(key, now):
            status, code = CheckStatus.OK, "key-works"
        elif key.status is KeyStatus.COOLING:
            status, code = CheckStatus.WARNING, "key-cooling"
        yield Check(name="key", status=status, code=code, about=f"{key.vendor}/{key.label}")


def _models(row: BotRow, keys: Sequence[KeyRow], now: datetime) -> Iterator[Check]:
    if not row.links:
        yield Check(name="model", status=CheckStatus.FAILED, code="model-draft")
    for link in row.links:
        serving = [key for key in keys if _names(link, key) and _works(key, now)]
        model = link.primary_model or (link.models[0] if link.models else "*")
        served = any(
            model == "*" or not key.models or model in key.models or "*" in key.models
            for key in serving
        )
        if not served:
            failed = CheckStatus.FAILED
            yield Check(name="model", status=failed, code="model-no-key", about=model)
        elif model == "*":
            yield Check(name="model", status=CheckStatus.OK, code="model-any")
        else:
            ok = CheckStatus.OK
            yield Check(name="model", status=ok, code="model-allowed", about=model)


def _channels(
    channels: Iterable[tuple[str, ChannelVerdict | None]],
) -> Iterator[Check]:
    there = False
    for name, verdict in channels:
        there = True
        if verdict is None or verdict.code == "nothing-to-test":
            code, status = "channel-untested", CheckStatus.SKIPPED
        elif verdict.ok:
            code, status = "channel-ok", CheckStatus.OK
        else:
            code, status = "channel-bad", CheckStatus.FAILED
        latency = None if verdict is None else verdict.latency_ms
        yield Check(
            name="channel", status=status, code=code, about=name, latency_ms=latency
        )
    if not there:
        yield Check(name="channel", status=CheckStatus.SKIPPED, code="channel-none")


def _container(row: BotRow, facts: RunFacts | None) -> Check:
    name = "container"
    if row.runtime is Runtime.EXTERNAL:
        return Check(name=name, status=CheckStatus.SKIPPED, code="container-none")
    if facts is None or not facts.engine.reachable:
        return Check(name=name, status=CheckStatus.FAILED, code="engine-away")
    seen = facts.container
    runs = seen is not None and seen.state is ContainerState.RUNNING
    if seen is not None and runs and seen.health is Health.UNHEALTHY:
        return Check(name=name, status=CheckStatus.FAILED, code="container-unhealthy")
    if runs:
        return Check(name=name, status=CheckStatus.OK, code="container-runs")
    if row.desired is DesiredState.STOPPED:
        return Check(name=name, status=CheckStatus.WARNING, code="container-stopped")
    return Check(name=name, status=CheckStatus.FAILED, code="container-down")


def _network(row: BotRow) -> Check:
    name = "network"
    if row.quarantined:
        return Check(name=name, status=CheckStatus.FAILED, code="network-cut")
    if row.runtime is Runtime.EXTERNAL:
        return Check(name=name, status=CheckStatus.SKIPPED, code="container-none")
    egress = row.network is NetworkPolicy.EGRESS
    code = "network-egress" if egress else "network-isolated"
    return Check(name=name, status=CheckStatus.OK, code=code)


def _proxy(facts: RunFacts | None) -> Check:
    if facts is None:
        return Check(name="proxy", status=CheckStatus.SKIPPED, code="skipped")
    if facts.proxy_ms is None:
        return Check(name="proxy", status=CheckStatus.FAILED, code="proxy-away")
    return Check(
        name="proxy",
        status=CheckStatus.OK,
        code="proxy-answers",
        latency_ms=facts.proxy_ms,
    )


def _workspace(row: BotRow, facts: RunFacts | None) -> Check:
    name = "workspace"
    if row.runtime is Runtime.EXTERNAL:
        return Check(name=name, status=CheckStatus.SKIPPED, code="container-none")
    if facts is None or facts.workspace_in_step is None:
        return Check(name=name, status=CheckStatus.SKIPPED, code="skipped")
    if facts.workspace_in_step:
        return Check(name=name, status=CheckStatus.OK, code="workspace-in-step")
    return Check(name=name, status=CheckStatus.WARNING, code="workspace-behind")
