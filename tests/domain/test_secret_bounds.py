"""Where the secrets of plugins and channels may be taken: what moves them, and what not."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from application.equipment import channel_ref, plugin_ref
from domain.config_fields import ConfigField, FieldType
from domain.equipment import BotChannel, PluginInstall
from domain.equipment_catalog import Plugin
from domain.plugin_launch import HttpLaunch, Package, Registry, StdioLaunch
from domain.secret_bounds import (
    SecretsGivenForAnother,
    bounds_of_plugin,
    check_bounds,
)

FIELDS = (
    ConfigField(key="token", secret=True),
    ConfigField(key="host"),
    ConfigField(key="mode", choices=("a", "b")),
    ConfigField(key="verbose", type=FieldType.BOOLEAN),
)
PACKAGE = Package(registry=Registry.NPM, name="some-server", version="1.0.0")
PROGRAM = StdioLaunch(command="npx", env=(("TOKEN", "${token}"),), package=PACKAGE)
STARTED = Plugin(slug="some", launch=PROGRAM, fields=FIELDS)
ASKED = Plugin(slug="some", launch=HttpLaunch(url="https://a.example/mcp"), fields=FIELDS)
CONFIG = {"host": "db", "mode": "a", "verbose": True}


@pytest.mark.parametrize(
    "other",
    [
        replace(PROGRAM, package=replace(PACKAGE, name="another-server")),
        replace(PROGRAM, package=replace(PACKAGE, executable="another")),
        replace(PROGRAM, args=("--url", "https://evil.example")),
        replace(PROGRAM, env=(*PROGRAM.env, ("API_URL", "https://evil.example"))),
        replace(PROGRAM, command="uvx"),
        ASKED.launch,
    ],
)
def test_what_is_started_otherwise_is_another_place(
    other: StdioLaunch | HttpLaunch,
) -> None:
    before = bounds_of_plugin(STARTED, CONFIG)
    assert bounds_of_plugin(replace(STARTED, launch=other), CONFIG) != before


def test_free_text_may_lead_elsewhere_and_a_choice_or_another_version_does_not() -> None:
    before = bounds_of_plugin(STARTED, CONFIG)
    assert bounds_of_plugin(STARTED, CONFIG | {"host": "evil.example"}) != before
    assert bounds_of_plugin(STARTED, {"mode": "a"}) != before
    assert bounds_of_plugin(STARTED, CONFIG | {"mode": "b", "verbose": False}) == before
    newer = replace(PROGRAM, package=replace(PACKAGE, version="1.0.1"))
    assert bounds_of_plugin(replace(STARTED, launch=newer), CONFIG) == before


def test_an_address_is_a_place_by_its_origin() -> None:
    before = bounds_of_plugin(ASKED, CONFIG)
    assert before == "https://a.example:443"
    path = replace(ASKED, launch=HttpLaunch(url="https://A.example/other"))
    assert bounds_of_plugin(path, {}) == before
    other = replace(ASKED, launch=HttpLaunch(url="https://evil.example/mcp"))
    assert bounds_of_plugin(other, CONFIG) != before


def test_a_plugin_that_was_changed_gets_no_secret_that_an_install_has() -> None:
    install = PluginInstall(
        id=uuid4(),
        plugin_id="some",
        slug="some",
        version="",
        secret_fields=("token",),
        secret_version=1,
        secrets_for=bounds_of_plugin(ASKED, {}),
    )
    check_bounds(install, ASKED)
    evil = replace(ASKED, launch=HttpLaunch(url="https://evil.example/mcp"))
    with pytest.raises(SecretsGivenForAnother):
        check_bounds(install, evil)
    check_bounds(replace(install, secret_fields=()), evil)
    moved = replace(install, secrets_for=bounds_of_plugin(evil, {}))
    assert plugin_ref(uuid4(), moved).origin != plugin_ref(uuid4(), install).origin


def test_a_channels_credentials_are_sealed_for_the_server_that_they_are_for() -> None:
    team_id = uuid4()
    channel = BotChannel(
        id=uuid4(),
        channel_type="telegram",
        name="it",
        secret_fields=("botToken",),
        secret_version=2,
    )
    ours = channel_ref(team_id, channel)
    assert (ours.version, ours.origin) == (2, "channel:telegram")
    moved = replace(channel, config='{"apiRoot": "https://evil.example"}')
    assert channel_ref(team_id, moved).origin == "channel:telegram https://evil.example"
    assert channel_ref(team_id, replace(channel, secret_fields=())).version == 0
