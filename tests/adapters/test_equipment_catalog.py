"""Shipped plugins, channels, personas and skill types: whole, sound, in two languages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import pytest

from adapters.catalog.equipment_catalog import (
    load_equipment_catalog,
    read_equipment_catalog,
)
from domain.config_fields import Value
from domain.equipment_catalog import NoSuchChannelType
from domain.errors import BadSetup, InvalidFields
from domain.plugin_launch import StdioLaunch, launch_of

CATALOG = load_equipment_catalog()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with as_file(files("adapters.catalog") / "equipment") as shipped:
        return Path(shutil.copytree(shipped, tmp_path / "equipment"))


def test_everything_is_there_in_both_languages() -> None:
    assert len(CATALOG.plugins) == 22
    assert len(CATALOG.channels) == 11
    assert len(CATALOG.personas) == 14 + 1
    assert len(CATALOG.skill_types) == 32
    assert [one.id for one in CATALOG.personas.values() if one.offered_only] == ["scratch"]
    texts: list[Mapping[str, str]] = [one.names for one in CATALOG.skill_types.values()]
    for plugin in CATALOG.plugins.values():
        texts += [plugin.names, plugin.descriptions]
        texts += [dict(field.labels) for field in plugin.plugin.fields]
    for channel in CATALOG.channels.values():
        texts += [channel.names, channel.descriptions, channel.hints]
    for persona in CATALOG.personas.values():
        texts += [persona.names, persona.taglines]
        texts += [] if persona.offered_only else [persona.souls]
    assert all(set(text) == {"en", "zh"} for text in texts)
    assert all(all(text.values()) for text in texts)


def test_every_preset_is_pinned_and_no_secret_is_an_argument() -> None:
    for shipped in CATALOG.plugins.values():
        plugin = shipped.plugin
        assert isinstance(plugin.launch, StdioLaunch)
        given: dict[str, Value] = {
            one.key: "s3cret" if one.secret else "x"
            for one in plugin.fields
            if one.required and one.type != "array"
        }
        started = launch_of(plugin.launch, plugin.fields, given)
        package = plugin.launch.package
        assert package is not None
        assert f"{package.name}@{plugin.version}" in started.args
        assert "s3cret" not in " ".join(started.args)
        secrets = [one.key for one in plugin.fields if one.secret and one.required]
        assert list(started.env.values()).count("s3cret") == len(secrets), plugin.slug


def test_the_channels_that_are_liked_come_first() -> None:
    chinese = [one.id for one in CATALOG.channels_for("zh-CN")]
    assert chinese[:4] == ["feishu", "wechat", "webchat", "telegram"]
    english = [one.id for one in CATALOG.channels_for("en-GB")]
    assert english[:5] == ["feishu", "telegram", "slack", "wechat", "webchat"]
    assert [one.id for one in CATALOG.channels_for(None)] == english
    telegram = CATALOG.channel_type_of("telegram")
    assert (telegram.is_popular("en"), telegram.is_popular("zh")) == (True, False)
    assert not CATALOG.channel_type_of("discord").is_popular("en")
    there_alone = replace(telegram, popular_locales=("zh-CN",))
    assert [there_alone.is_popular(one) for one in ("zh", "zh-TW", "en")] == [1, 1, 0]
    with pytest.raises(NoSuchChannelType):
        CATALOG.channel_type_of("signal")


def test_slack_takes_an_app_token_or_a_signing_secret() -> None:
    slack = CATALOG.channel_type_of("slack")
    with pytest.raises(InvalidFields) as caught:
        slack.check_credentials({"botToken": "xoxb-1"})
    assert caught.value.codes == {"credentials.appToken": "one-of-several-missing"}
    _, secrets = slack.check_credentials({"botToken": "xoxb-1", "appToken": "xapp-1"})
    assert set(secrets) == {"botToken", "appToken"}
    slack.check_credentials({}, kept=("botToken", "signingSecret"))
    with pytest.raises(InvalidFields):
        slack.check_credentials({"signingSecret": ""}, kept=("botToken",))


def test_probes_name_credentials_that_there_are() -> None:
    without = [one.id for one in CATALOG.channels.values() if one.probe is None]
    assert without == ["webchat"]
    for channel in CATALOG.channels.values():
        if channel.probe is None:
            continue
        keys = {one.key for one in (*channel.credential_fields, *channel.config_fields)}
        probe = channel.probe
        texts = [*probe.urls.values(), probe.auth]
        texts += [*probe.json_body.values(), *probe.form.values()]
        named = {part.partition("}")[0] for one in texts for part in one.split("${")[1:]}
        assert named <= keys
        assert probe.chosen_by in keys | {""}


@pytest.mark.parametrize(
    ("file", "was", "now", "said"),
    [
        ("plugins/fetch.yaml", "slug: fetch", "slug: other", "must be called other.yaml"),
        ("plugins/git.yaml", "command: uvx", "command: bash", "launch.command"),
        ("plugins/time.yaml", "${defaultTimezone}", "${other}", "args.0: no-such-field"),
        ("plugins/github.yaml", "secret: true", "secret: 1", "fields.0.secret"),
        ("channels/line.yaml", "icon: line", "icon: line\nmore: 1", "more"),
        ("personas/code-helper.yaml", "category: technical", "category: odd", "no odd"),
    ],
)
def test_a_wrong_file_is_named(
    folder: Path, file: str, was: str, now: str, said: str
) -> None:
    assert read_equipment_catalog(folder).version == CATALOG.version
    text = (folder / file).read_text()
    assert was in text
    (folder / file).write_text(text.replace(was, now))
    with pytest.raises(BadSetup, match=said):
        read_equipment_catalog(folder)


def test_the_version_changes_with_what_is_said(folder: Path) -> None:
    file = folder / "personas" / "scratch.yaml"
    file.write_text(file.read_text().replace("Write the persona", "Write a persona"))
    assert read_equipment_catalog(folder).version != CATALOG.version
