"""A team's own price, from the control plane's command to the event of the next call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from adapters.bootstrap.repricing import repricing
from application.model_prices import ChangeModelPrice, SetModelPrice
from domain.calls import CallCorrected, CallSettled
from domain.model_prices import Rates, model_price_id
from tests.journeys.plane import DataPlane, TestBot, call_id_of
from tests.journeys.proxy_process import until

MODEL = "gpt-5-mini"


def test_calls_are_charged_by_the_teams_price_as_soon_as_it_is_set(
    own_plane: DataPlane,
) -> None:
    plane, began = own_plane, datetime.now(UTC)
    bot = plane.new_bot(plane.key_of("openai"))
    published = cost(plane, bot)
    assert published[1] is not None
    assert published[1].startswith("genai-prices:")
    plane.control.bus.handle(
        SetModelPrice(
            team_id=plane.team_id, vendor="openai", model=MODEL, rates=rates(1_000_000)
        ),
        by=plane.by,
    )
    until(lambda: cost(plane, bot)[1] == "team:1")
    usage, source, charged = settled(plane, bot)
    assert (source, charged) == ("team:1", usage)
    plane.control.bus.handle(
        ChangeModelPrice(
            price_id=model_price_id(plane.team_id, "openai", MODEL),
            team_id=plane.team_id,
            rates=rates(3_000_000),
            expected_version=1,
        ),
        by=plane.by,
    )
    until(lambda: cost(plane, bot)[1] == "team:2")
    # No projector runs here: the price's view is empty, and the log's head holds.
    with repricing(plane.database_url) as prices:
        prices.run(began - timedelta(minutes=1), datetime.now(UTC) + timedelta(minutes=1))
    ends = [one.event for one in plane.events(bot)]
    corrected = [event for event in ends if isinstance(event, CallCorrected)]
    assert corrected
    assert {event.price_source for event in corrected} == {"team:2"}
    for event in corrected:
        assert event.cost_micro_usd == 3 * (
            (event.now.input_tokens or 0) + (event.now.output_tokens or 0)
        )


def rates(amount: int) -> Rates:
    return Rates(input=amount, output=amount, cache_read=amount)


def cost(plane: DataPlane, bot: TestBot) -> tuple[int | None, str | None]:
    _, source, charged = settled(plane, bot)
    return charged, source


def settled(plane: DataPlane, bot: TestBot) -> tuple[int, str | None, int | None]:
    """The tokens of another call, and what it cost by whose price."""
    answer = plane.chat(bot, MODEL)
    assert answer.status_code == 200
    call_id = call_id_of(answer)
    (end,) = [
        one.event
        for one in plane.events(bot)
        if one.originator_id == call_id and isinstance(one.event, CallSettled)
    ]
    usage = end.usage
    tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    return tokens, end.price_source, end.cost_micro_usd
