"""The folders of bots as the reconciler uses them: prepared from a bot's state."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from adapters.workspace.store import WorkspaceFolders
from adapters.workspace.workspaces import KeptWorkspaces
from application.engines import Orphan
from application.ports import Secret
from application.workspaces import CannotPrepare
from domain.bots import Bot
from domain.equipment import Persona
from domain.errors import NotFound
from domain.images import image_of
from domain.workspace.facts import WorkspaceFacts
from tests.adapters.workspace.scene import BOT, store_in
from tests.adapters.workspace.test_store import room_for
from tests.domain.workspace.scene import FACTS, SECRETS

OPENCLAW = Bot(hostname="quill", image="openclaw:1")
PLAIN = Bot(hostname="quill", image="bot:1")


@dataclass
class Facts:
    """The same facts for every bot, of the family of its image."""

    persona: Persona = FACTS.persona

    def of(
        self, bot_id: UUID, bot: Bot, *, token: Secret, gateway_token: Secret
    ) -> WorkspaceFacts:
        held = replace(
            SECRETS,
            token=token,
            gateway_token=gateway_token,
            revision=token.reveal().decode(),
        )
        family = image_of(bot.image).family
        return replace(
            FACTS, bot_id=bot_id, family=family, persona=self.persona, secrets=held
        )


@pytest.fixture
def store(tmp_path: Path) -> WorkspaceFolders:
    return store_in(tmp_path)


@pytest.mark.parametrize("bot", [OPENCLAW, PLAIN])
def test_a_prepared_bot_holds_its_token(store: WorkspaceFolders, bot: Bot) -> None:
    kept = KeptWorkspaces(store, Facts())
    assert kept.held_token(BOT) is None
    assert kept.gateway_token(BOT) is None
    revision = kept.prepare(BOT, bot, "cbt_one")
    held, gateway = kept.held_token(BOT), kept.gateway_token(BOT)
    assert held is not None
    assert held.token == "cbt_one"
    assert gateway is not None
    assert kept.prepare(BOT, bot, "cbt_one") == revision
    again = kept.gateway_token(BOT)
    assert again is not None
    assert again.reveal() == gateway.reveal()
    assert kept.with_secrets() == {BOT}


def test_another_token_takes_the_place_of_the_one_before(store: WorkspaceFolders) -> None:
    kept = KeptWorkspaces(store, Facts())
    before = kept.prepare(BOT, OPENCLAW, "cbt_one")
    assert kept.prepare(BOT, OPENCLAW, "cbt_two") != before
    held = kept.held_token(BOT)
    assert held is not None
    assert held.token == "cbt_two"


def test_a_bot_that_gets_another_image_keeps_its_tokens(store: WorkspaceFolders) -> None:
    kept = KeptWorkspaces(store, Facts())
    kept.prepare(BOT, PLAIN, "cbt_one")
    before = kept.gateway_token(BOT)
    kept.prepare(BOT, OPENCLAW, "cbt_one")
    after = kept.gateway_token(BOT)
    assert before is not None
    assert after is not None
    assert before.reveal() == after.reveal()
    assert sorted(path.name for path in store.folders(BOT).secrets.iterdir()) == [
        "bot.json",
        "mcp-headers.json",
    ]


def test_tokens_that_cannot_be_read_are_made_anew(store: WorkspaceFolders) -> None:
    kept = KeptWorkspaces(store, Facts())
    kept.prepare(BOT, OPENCLAW, "cbt_one")
    file = store.folders(BOT).secrets / "bot.json"
    file.chmod(0o600)
    file.write_text("{")
    assert kept.held_token(BOT) is None
    kept.prepare(BOT, OPENCLAW, "cbt_two")
    assert json.loads(file.read_text())["botToken"] == "cbt_two"


def test_what_cannot_be_rendered_is_said_with_its_field(store: WorkspaceFolders) -> None:
    kept = KeptWorkspaces(store, Facts(persona=Persona(name="two\nlines")))
    with pytest.raises(CannotPrepare) as refused:
        kept.prepare(BOT, OPENCLAW, "cbt_one")
    assert refused.value.code == "workspace-invalid"
    assert refused.value.detail == "persona.name: control-characters"
    assert kept.with_secrets() == frozenset()


def test_without_room_a_bot_cannot_be_prepared(store: WorkspaceFolders) -> None:
    kept = KeptWorkspaces(store, Facts())
    with room_for(100), pytest.raises(CannotPrepare) as refused:
        kept.prepare(BOT, OPENCLAW, "cbt_one")
    assert refused.value.code == "no-space"
    assert kept.held_token(BOT) is None


def test_a_withdrawn_bot_has_no_secret_and_its_folders_are_orphans(
    store: WorkspaceFolders,
) -> None:
    kept = KeptWorkspaces(store, Facts())
    kept.prepare(BOT, OPENCLAW, "cbt_one")
    kept.withdraw(BOT)
    assert kept.held_token(BOT) is None
    assert kept.orphans(frozenset({BOT})) == []
    (orphan,) = kept.orphans(frozenset())
    assert (orphan.kind, orphan.bot_id) == ("workspace", BOT)
    assert orphan.size_bytes
    kept.discard(orphan)
    assert kept.orphans(frozenset()) == []


def test_what_is_no_folder_is_not_discarded(store: WorkspaceFolders) -> None:
    orphan = Orphan(
        kind="container", id="x", name="x", bot_id=BOT, created_at=None, size_bytes=None
    )
    with pytest.raises(NotFound):
        KeptWorkspaces(store, Facts()).discard(orphan)


def test_people_see_what_would_be_until_there_is_something(
    store: WorkspaceFolders,
) -> None:
    kept = KeptWorkspaces(store, Facts())
    before = kept.shown(BOT, OPENCLAW)
    assert before.in_step is None
    assert "config/openclaw.json" in [f"{f.area}/{f.path}" for f in before.files]
    assert store.kept() == []
    revision = kept.prepare(BOT, OPENCLAW, "cbt_canary")
    after = kept.shown(BOT, OPENCLAW)
    assert (after.in_step, after.revision) == (True, revision)
    assert sorted(file.path for file in after.files) == sorted(
        file.path for file in before.files
    )
    assert not any("canary" in file.text for file in after.files)


def test_people_see_what_a_bot_made_of_its_files(store: WorkspaceFolders) -> None:
    kept = KeptWorkspaces(store, Facts())
    assert kept.in_step(BOT, OPENCLAW) is None
    kept.prepare(BOT, OPENCLAW, "cbt_one")
    assert kept.in_step(BOT, OPENCLAW) is True
    soul = store.folders(BOT).workspace / "SOUL.md"
    soul.write_text("I do as I like")
    assert kept.in_step(BOT, OPENCLAW) is False
    shown = kept.shown(BOT, OPENCLAW)
    assert shown.in_step is False
    assert "I do as I like" in [file.text for file in shown.files]
    assert soul.read_text() == "I do as I like"


def test_people_see_why_a_workspace_cannot_be_made(store: WorkspaceFolders) -> None:
    KeptWorkspaces(store, Facts()).prepare(BOT, OPENCLAW, "cbt_one")
    kept = KeptWorkspaces(store, Facts(persona=Persona(name="two\nlines")))
    shown = kept.shown(BOT, OPENCLAW)
    assert (shown.failure, shown.in_step) == ("workspace-invalid", None)
    assert shown.files
    assert kept.in_step(BOT, OPENCLAW) is False
