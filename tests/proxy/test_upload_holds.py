"""What a form that has not come yet holds of a budget: by all the bytes it can have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest

from domain.destinations import Origin
from proxy.admission import Credential, Route
from proxy.demand.media import BYTES_PER_TOKEN
from proxy.holding import Holding
from proxy.incoming import MAX_BODY, Asked, Incoming
from proxy.outgoing import Outgoing, outgoing
from proxy.upload import Upload
from tests.domain.going import CATALOG, go
from tests.projections.given import admitted, facts

TRANSCRIPTIONS = go("openai", "v1/audio/transcriptions")


async def never() -> dict[str, Any]:
    raise AssertionError


def call(length: int | None) -> Outgoing:
    incoming = Incoming(
        method="POST", vendor="openai", tail="", query=b"", tokens=(), headers={}
    )
    route = Route(
        vendor=CATALOG.get("openai"),
        target=TRANSCRIPTIONS,
        key=cast("Any", None),
        origin=Origin("https", "api.openai.com", 443),
    )
    credential = Credential(bot=None, checked_key=None)
    upload = Upload(length, None, never)
    return outgoing(credential, incoming, route, Asked(model="whisper-1"), b"", upload)


@pytest.mark.parametrize(("length", "most"), [(3_200_000, 3_200_000), (None, MAX_BODY)])
def test_a_form_on_its_way_holds_by_its_size(length: int | None, most: int) -> None:
    event = replace(admitted(facts()), format="openai-audio", process_id=uuid4())
    holding = Holding(call(length), event, cast("Any", None), cast("Any", None))
    assert holding.demand.input_tokens == most // BYTES_PER_TOKEN
    assert not holding.demand.bounded
