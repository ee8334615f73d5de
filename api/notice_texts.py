"""What notices say, by kind and language, and what the things are called that they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from uuid import UUID

from api.locales import Languages
from api.shipped_texts import shipped
from application.event_log import EventLog
from domain.bots import Bot
from domain.ids import TeamId
from domain.keys import ProviderKey
from domain.quotas import Quota
from domain.webhooks import WebhookShelf, webhook_shelf
from projections.notices import NoticeRow

Names = Mapping[UUID, str]


def text_of(row: NoticeRow, name: str | None, languages: Languages) -> str:
    """The sentence, in the first language that there is; a nameless subject by its id."""
    named = {"name": name or str(row.subject_id), **row.facts}
    return languages.of(texts()[row.kind]).format_map(named)


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """The sentences of `notices.yaml` by kind and language, read once a process."""
    content: Mapping[str, Mapping[str, str]] = shipped("notices.yaml")
    return content


def names_of(fleet: EventLog, team_id: TeamId, rows: Sequence[NoticeRow]) -> Names:
    """What the subjects are called, or were when they were removed; the team's only."""
    names: dict[UUID, str] = {}
    for bot in fleet.read_all(Bot(), _subjects(rows, "bot")):
        if bot.state.team_id == team_id:
            names[bot.id] = bot.state.name
    for key in fleet.read_all(ProviderKey(), _subjects(rows, "key")):
        if key.state.team_id == team_id:
            names[key.id] = key.state.label
    for quota in fleet.read_all(Quota(), _subjects(rows, "quota")):
        definition = quota.state.definition
        if definition is not None and definition.team_id == team_id:
            scope = definition.scope.kind
            names[quota.id] = f"{scope} {definition.metric} / {definition.window}"
    if _subjects(rows, "webhook"):
        shelf = fleet.look(WebhookShelf(), webhook_shelf(team_id)).state
        names |= {one: hook.added.label for one, hook in shelf.webhooks.items()}
    told = ((row.subject_id, row.facts.get("projection")) for row in rows)
    return names | {one: name for one, name in told if isinstance(name, str)}


def _subjects(rows: Sequence[NoticeRow], kind: str) -> list[UUID]:
    """Each once."""
    named = (row.subject_id for row in rows if row.kind.startswith(f"{kind}."))
    return list(dict.fromkeys(named))
