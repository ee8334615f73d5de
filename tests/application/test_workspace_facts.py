"""What is gathered for a bot's workspace, and what is opened for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID, uuid4

import pytest

from adapters.catalog.equipment_catalog import load_equipment_catalog
from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.memory_vault import MemoryVault
from adapters.model_limits import shipped_model_limits
from application.equipment import channel_ref, plugin_ref
from application.event_log import acting
from application.ports import Secret, SecretRef
from application.skills import AddSkill, RecallSkill, add_skill, recall_skill
from application.workspace_facts import FactsOfBots, Sources
from application.workspace_models import LinkedModels, TeamKey
from application.workspaces import CannotPrepare
from domain.bot_equipment import Equipment
from domain.bot_events import ProviderLink, Runtime
from domain.bots import Bot
from domain.equipment import BotChannel, PluginInstall, SkillInstall
from domain.errors import Unavailable
from domain.secret_bounds import bounds_of_plugin
from domain.skill_content import SkillKind, definition_of
from domain.skill_events import SkillFacts
from domain.surrogates import read_surrogate
from domain.workspace.facts import WorkspaceFacts
from tests.application.fleet import ALICE, TEAM, Fleet

BOT = uuid4()
KEY = b"k" * 32
PROXY = "http://clawbot-proxy:3101"
NOTES = definition_of(SkillKind.PROMPT, {"template": "List it."})
SKILL = SkillFacts(id=uuid4(), name="notes", description="How notes are written")
LINK = ProviderLink(
    link_id=uuid4(),
    provider_key_id=None,
    vendor="openai",
    tag=None,
    models=("gpt-4o",),
    primary_model=None,
)


class NoKeys:
    def of_team(self, _: UUID) -> Sequence[TeamKey]:
        return ()


@dataclass
class Opening:
    """A vault for threads, which says what was opened."""

    vault: MemoryVault = field(default_factory=MemoryVault)
    opened: list[SecretRef] = field(default_factory=list)

    def open(self, ref: SecretRef) -> Secret:
        self.opened.append(ref)
        return asyncio.run(self.vault.open(ref))

    def put(self, item: BotChannel | PluginInstall, **fields: object) -> None:
        if isinstance(item, BotChannel):
            ref = channel_ref(TEAM, item)
        else:
            ref = plugin_ref(TEAM, item)
        self.vault.put(ref, Secret(json.dumps(fields).encode()))


@dataclass
class Scene:
    fleet: Fleet = field(default_factory=Fleet)
    vault: Opening = field(default_factory=Opening)

    def gathered(self, equipment: Equipment, image: str = "openclaw:1") -> WorkspaceFacts:
        sources = Sources(
            event_log=self.fleet.log,
            equipment=load_equipment_catalog(),
            models=LinkedModels(
                load_catalog(), load_routing_catalog(), shipped_model_limits().output_limit
            ),
            keys=NoKeys(),
            vault=self.vault,
            surrogate_key=KEY,
            proxy_url=PROXY,
        )
        bot = Bot(
            team_id=TEAM,
            hostname="quill",
            name="Quill",
            runtime=Runtime.DOCKER,
            links=(LINK,),
            image=image,
            equipment=equipment,
        )
        return FactsOfBots(sources).of(
            BOT, bot, token=Secret(b"cbt_t"), gateway_token=Secret(b"cbg_g")
        )


@pytest.fixture
def scene() -> Scene:
    return Scene()


def channel(channel_type: str, **others: bool) -> BotChannel:
    return BotChannel(
        id=uuid4(),
        channel_type=channel_type,
        name="it",
        secret_fields=("botToken",),
        secret_version=1,
        connected=others.get("connected", True),
    )


def plugin(
    slug: str, *, inside: bool, config: str = "{}", version: int = 0
) -> PluginInstall:
    return PluginInstall(
        id=uuid4(),
        plugin_id=slug,
        slug=slug,
        version="2.0.9",
        inside=inside,
        config=config,
        secret_fields=("password",) if version else (),
        secret_version=version,
        secrets_for=_bounds(slug, config) if version else "",
    )


def _bounds(slug: str, config: str) -> str:
    shipped = load_equipment_catalog().plugins[slug]
    return bounds_of_plugin(shipped.plugin, json.loads(config))


def revealed(facts: WorkspaceFacts, item_id: UUID) -> dict[str, str]:
    held = facts.secrets.channels.get(item_id) or facts.secrets.plugins[item_id]
    return {name: secret.reveal().decode() for name, secret in held.items()}


def test_a_bot_without_equipment_needs_no_secret_opened(scene: Scene) -> None:
    facts = scene.gathered(Equipment())
    assert (facts.hostname, facts.proxy_url) == ("quill", PROXY)
    assert [one.vendor for one in facts.vendors] == ["openai"]
    assert scene.vault.opened == []


def test_a_relayed_channel_gets_a_surrogate_and_its_token_stays_closed(
    scene: Scene,
) -> None:
    telegram = channel("telegram")
    facts = scene.gathered(Equipment(channels=(telegram,)))
    assert facts.channels[0].relayed
    surrogate = read_surrogate(revealed(facts, telegram.id)["botToken"], KEY)
    assert surrogate is not None
    assert (surrogate.bot_id, surrogate.channel_id) == (BOT, telegram.id)
    assert scene.vault.opened == []


def test_other_channels_bring_their_credentials_where_openclaw_has_no_other_way(
    scene: Scene,
) -> None:
    slack = channel("slack")
    scene.vault.put(slack, botToken="xoxb-real", port=1)
    facts = scene.gathered(Equipment(channels=(slack,)))
    assert not facts.channels[0].relayed
    assert revealed(facts, slack.id) == {"botToken": "xoxb-real", "port": "1"}


def test_other_software_is_told_of_the_relay_for_all_that_it_serves(scene: Scene) -> None:
    slack = channel("slack")
    scene.vault.put(slack, botToken="xoxb-real")
    facts = scene.gathered(Equipment(channels=(slack,)), image="bot:1")
    assert facts.channels[0].relayed
    assert all("cbs_" in text for text in revealed(facts, slack.id).values())
    assert scene.vault.opened == []


def test_a_channel_that_is_not_connected_stays_closed(scene: Scene) -> None:
    facts = scene.gathered(Equipment(channels=(channel("slack", connected=False),)))
    assert facts.secrets.channels == {}
    assert scene.vault.opened == []


def test_a_vault_that_does_not_open_is_said(scene: Scene) -> None:
    with pytest.raises(Unavailable):
        scene.gathered(Equipment(channels=(channel("slack"),)))


def test_a_plugin_is_at_the_relay_and_its_secrets_stay_closed(scene: Scene) -> None:
    install = plugin("mysql", inside=False, version=1)
    facts = scene.gathered(Equipment(plugins=(install,)))
    assert [(one.slug, one.launch) for one in facts.mcp] == [("mysql", None)]
    assert scene.vault.opened == []


def test_a_plugin_inside_has_its_secrets_apart_from_the_rest(scene: Scene) -> None:
    config = json.dumps({"host": "db", "user": "u", "database": "d", "port": 3306})
    install = plugin("mysql", inside=True, config=config, version=1)
    scene.vault.put(install, password="hunter2-canary")
    (server,) = scene.gathered(Equipment(plugins=(install,))).mcp
    assert server.launch is not None
    assert server.launch.secret_env == ("MYSQL_PASS",)
    assert dict(server.launch.env)["MYSQL_HOST"] == "db"
    assert "canary" not in repr(server)
    facts = scene.gathered(Equipment(plugins=(install,)))
    assert revealed(facts, install.id) == {"MYSQL_PASS": "hunter2-canary"}


def test_a_plugin_inside_gets_no_secret_that_was_given_for_another_host(
    scene: Scene,
) -> None:
    config = json.dumps({"host": "db", "user": "u", "database": "d", "port": 3306})
    install = plugin("mysql", inside=True, config=config, version=1)
    scene.vault.put(install, password="hunter2-canary")
    moved = replace(install, config=config.replace('"db"', '"evil.example"'))
    with pytest.raises(CannotPrepare) as refused:
        scene.gathered(Equipment(plugins=(moved,)))
    assert (refused.value.code, refused.value.detail) == ("secrets-needed-again", "mysql")
    assert scene.vault.opened == []


def test_inside_means_inside_openclaw(scene: Scene) -> None:
    install = plugin("mysql", inside=True, version=1)
    facts = scene.gathered(Equipment(plugins=(install,)), image="bot:1")
    assert facts.mcp[0].launch is None


def test_a_plugin_inside_that_is_gone_is_named(scene: Scene) -> None:
    with pytest.raises(CannotPrepare) as refused:
        scene.gathered(Equipment(plugins=(plugin("gone", inside=True),)))
    assert (refused.value.code, refused.value.detail) == ("plugin-missing", "gone")


def install_of(content_hash: str) -> Equipment:
    install = SkillInstall(
        id=uuid4(),
        skill_id=str(SKILL.id),
        name="notes",
        version=1,
        content_hash=content_hash,
    )
    return Equipment(skills=(install,))


def test_a_skill_comes_with_its_content_until_it_is_recalled(scene: Scene) -> None:
    log = scene.fleet.log
    with acting(ALICE):
        add_skill(AddSkill(team_id=TEAM, facts=SKILL, content=NOTES), event_log=log)
    equipment = install_of(NOTES.content_hash)
    (skill,) = scene.gathered(equipment).skills
    assert (skill.content, skill.description) == (NOTES, "How notes are written")
    with acting(ALICE):
        recall_skill(
            RecallSkill(team_id=TEAM, content_hash=NOTES.content_hash, reason="bad"),
            event_log=log,
        )
    assert scene.gathered(equipment).skills[0].content is None


def test_a_skill_without_content_is_named(scene: Scene) -> None:
    with pytest.raises(CannotPrepare) as refused:
        scene.gathered(install_of("0" * 64))
    assert (refused.value.code, refused.value.detail) == ("skill-missing", "notes")


def test_new_credentials_are_another_revision_of_the_secrets(scene: Scene) -> None:
    telegram = channel("telegram")
    before = scene.gathered(Equipment(channels=(telegram,))).secrets.revision
    assert scene.gathered(Equipment(channels=(telegram,))).secrets.revision == before
    renewed = replace(telegram, secret_version=2)
    assert scene.gathered(Equipment(channels=(renewed,))).secrets.revision != before
