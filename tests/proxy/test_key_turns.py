"""Keys that are disabled, rotated, or take turns: what calls make of it at once."""

from __future__ import annotations

import time
from collections import Counter
from uuid import uuid4

from application.keys import EditProviderKey
from domain.bot_events import ProviderLink
from domain.ids import LinkId, ProviderKeyId
from tests.journeys.plane import DataPlane, TestBot, new_model
from tests.journeys.proxy_process import until
from tests.proxy.pools import bot_with, ends, pool, rotate


def test_a_disabled_key_is_used_by_nobody_within_a_second(data_plane: DataPlane) -> None:
    one = pool(data_plane, None)
    assert data_plane.chat(one.bot, new_model()).status_code == 200
    for disabled, status in ((True, 403), (False, 200)):
        edited = EditProviderKey(
            key_id=one.keys[0],
            team_id=data_plane.team_id,
            label=None,
            tags=None,
            models=None,
            allow_paths=None,
            expected_version=None,
            disabled=disabled,
        )
        data_plane.control.bus.handle(edited, by=data_plane.by)
        began = time.monotonic()
        wanted = status

        def so() -> bool:
            return data_plane.chat(one.bot, new_model()).status_code == wanted  # noqa: B023

        until(so)
        assert time.monotonic() - began < 1


def test_a_rotated_key_takes_the_new_secret_at_once_and_loses_no_call(
    data_plane: DataPlane,
) -> None:
    one = pool(data_plane, None)
    for nth in range(5):
        secret = f"sk-rotated-{nth}-{uuid4().hex[:4]}"
        rotate(data_plane, one.keys[0], secret)
        began, model = time.monotonic(), ""

        def renewed() -> bool:
            nonlocal model
            model = new_model()
            assert data_plane.chat(one.bot, model).status_code == 200
            return str(data_plane.ledger(model)[0]["credential_last4"]) == secret[-4:]  # noqa: B023

        until(renewed)
        assert time.monotonic() - began < 1


# Turns.


def test_keys_of_one_link_take_turns_and_links_share_by_weight(
    data_plane: DataPlane,
) -> None:
    tagged = [data_plane.add_key("openai") for _ in range(3)]
    for key in tagged:
        edited = EditProviderKey(
            key_id=key,
            team_id=data_plane.team_id,
            label=None,
            tags=("turns",),
            models=None,
            allow_paths=None,
            expected_version=None,
        )
        data_plane.control.bus.handle(edited, by=data_plane.by)
    alone = data_plane.add_key("openai")
    bot = bot_with(data_plane, (link(key=alone), link(tag="turns", weight=3)))
    until(lambda: _all_used(data_plane, bot, {*tagged, alone}))
    before = len(ends(data_plane, bot))
    for _ in range(120):
        data_plane.chat(bot, new_model())
    used = Counter(end.facts.provider_key_id for end in ends(data_plane, bot)[before:])
    assert set(used) == {*tagged, alone}
    assert all(12 < used[key] < 52 for key in used)


def link(
    *, key: ProviderKeyId | None = None, tag: str | None = None, weight: int = 1
) -> ProviderLink:
    return ProviderLink(
        link_id=LinkId(uuid4()),
        provider_key_id=key,
        vendor=None,
        tag=tag,
        models=("*",),
        primary_model=None,
        weight=weight,
    )


def _all_used(plane: DataPlane, bot: TestBot, keys: set[ProviderKeyId]) -> bool:
    plane.chat(bot, new_model())
    return {end.facts.provider_key_id for end in ends(plane, bot)} == keys
