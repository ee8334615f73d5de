"""Whatever the facts: the same bytes each time, a config that OpenClaw takes, no escape."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from uuid import UUID

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.containers import NetworkPolicy
from domain.equipment import BotChannel, Persona
from domain.errors import InvalidFields
from domain.images import ImageFamily
from domain.skill_content import SkillDefinition, SkillFile, SkillKind
from domain.workspace.facts import (
    Api,
    Launch,
    McpServer,
    ModelChoice,
    SkillContent,
    VendorChoice,
    WorkspaceFacts,
    WorkspaceSecrets,
)
from domain.workspace.rendered import Area, Rendered
from domain.workspace.rendering import render
from tests.domain.workspace.scene import check_against_schema, secret

CANARY = "canary-5f1d"
TYPES = ("telegram", "discord", "slack", "feishu", "teams", "line", "wechat", "x/../y")
names = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
odd_names = names | st.sampled_from(["../up", "/abs", "a/b", ".", "A", "a\x00", "${X}"])
texts = st.text(max_size=60) | st.sampled_from(["${BOT_TOKEN}", "$include", "🪶"])
ids = st.uuids()

models = st.builds(
    ModelChoice,
    id=st.text(min_size=1, max_size=20),
    context_window=st.integers(1, 2_000_000),
    max_tokens=st.integers(1, 200_000),
    images=st.booleans(),
)
vendors = st.builds(
    VendorChoice,
    vendor=names,
    api=st.sampled_from(Api),
    models=st.lists(models, max_size=3).map(tuple),
    old_max_tokens=st.booleans(),
)
launches = st.builds(
    Launch,
    command=texts,
    args=st.lists(texts, max_size=2).map(tuple),
    env=st.lists(st.tuples(names | texts, texts), max_size=2).map(tuple),
    secret_env=st.lists(st.just("KEY") | texts, max_size=2).map(tuple),
)
servers = st.builds(
    McpServer, id=st.just(UUID(int=5)), slug=odd_names, launch=st.none() | launches
)
skills = st.builds(
    SkillContent,
    name=odd_names,
    content=st.none()
    | st.builds(
        SkillDefinition,
        kind=st.sampled_from(SkillKind),
        definition=texts
        | texts.map(lambda text: json.dumps({"template": text, "steps": [text]})),
        files=st.lists(
            st.builds(SkillFile, path=odd_names, base64=st.just("aGk=")), max_size=2
        ).map(tuple),
    ),
    description=texts,
)
channels = st.builds(
    BotChannel,
    id=st.just(UUID(int=6)),
    channel_type=st.sampled_from(TYPES),
    name=texts,
    config=st.dictionaries(st.sampled_from(["allowFrom", "domain"]), texts, max_size=2).map(
        json.dumps
    ),
    credentials=st.dictionaries(
        st.sampled_from(["appId", "applicationId", "tenantId"]), texts, max_size=3
    ).map(json.dumps),
    connected=st.booleans(),
    relayed=st.booleans(),
)
HELD = {
    field: secret(f"{CANARY}-{field}")
    for field in (
        *("botToken", "appToken", "appSecret", "appPassword"),
        *("channelAccessToken", "channelSecret"),
    )
}
facts = st.builds(
    WorkspaceFacts,
    bot_id=ids,
    hostname=names,
    name=texts,
    family=st.sampled_from(ImageFamily),
    proxy_url=st.just("http://10.0.0.1:3101"),
    persona=st.builds(Persona, name=texts, soul=texts, emoji=st.text(max_size=4)),
    vendors=st.lists(vendors, max_size=3, unique_by=lambda one: one.vendor).map(tuple),
    routed=st.booleans(),
    skills=st.lists(skills, max_size=2).map(tuple),
    mcp=st.lists(servers, max_size=2, unique_by=lambda one: one.slug).map(tuple),
    channels=st.lists(channels, max_size=3).map(tuple),
    network=st.sampled_from(NetworkPolicy),
    secrets=st.builds(
        WorkspaceSecrets,
        token=st.just(secret(f"{CANARY}-token")),
        gateway_token=st.just(secret(f"{CANARY}-gateway")),
        channels=st.just({UUID(int=6): HELD}),
        plugins=st.just({UUID(int=5): {"KEY": secret(f"{CANARY}-key")}}),
    ),
)


def rendered_or_refused(one: WorkspaceFacts) -> Rendered | None:
    """What it renders to; None if it was refused, which anything odd is."""
    try:
        return render(one)
    except InvalidFields:
        return None


@given(facts)
@settings(max_examples=100)
def test_the_same_facts_are_the_same_bytes(one: WorkspaceFacts) -> None:
    rendered = rendered_or_refused(one)
    assert rendered == rendered_or_refused(one)
    if rendered is not None:
        content = [file.content for file in rendered.files]
        assert content == [file.content for file in render(one).files]


@given(facts)
@settings(max_examples=100)
def test_every_config_is_one_that_openclaw_takes(one: WorkspaceFacts) -> None:
    rendered = rendered_or_refused(one)
    assume(rendered is not None and one.family is ImageFamily.OPENCLAW)
    assert rendered is not None
    check_against_schema(rendered)


@given(facts)
@settings(max_examples=100)
def test_no_path_leaves_its_area_and_no_secret_its_folder(one: WorkspaceFacts) -> None:
    rendered = rendered_or_refused(one)
    assume(rendered is not None)
    assert rendered is not None
    places = [(file.area, file.path) for file in rendered.files]
    assert len(set(places)) == len(places)
    for file in rendered.files:
        path = PurePosixPath(file.path)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert str(path) == file.path
        assert file.area is Area.SECRETS or CANARY.encode() not in file.content
    assert CANARY not in repr(rendered) + repr(one)
