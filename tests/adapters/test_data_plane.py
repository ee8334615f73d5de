"""The proxy's parts: a start that fails leaves nothing that keeps the process alive."""

from __future__ import annotations

import threading

import pytest

from adapters.bootstrap.data_plane import data_plane
from adapters.bootstrap.instance import prepare
from adapters.settings import Settings
from application.watch import NobodyWatches
from domain.errors import BadSetup
from tests.api.cli.running import A_KEY

pytestmark = pytest.mark.anyio


async def test_what_had_begun_to_run_is_over_when_a_start_fails(database_url: str) -> None:
    settings = Settings(database_url=database_url, bot_master_key=A_KEY)
    prepare(settings, database_url)
    wrong = settings.model_copy(update={"egress_allow": ("no-origin",)})
    before = set(threading.enumerate())
    with pytest.raises(BadSetup) as refused:
        async with data_plane(wrong, database_url, NobodyWatches()):
            pass
    assert set(threading.enumerate()) <= before, refused  # which keeps the frames
