"""Budgets as a bot's program meets them: refusals, lower limits, streams that are cut."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import openai
import psycopg
import pytest

from application.quotas import RemoveQuota, SetQuota
from domain.calls import CallAdmitted, CallExtended, CallRefused, CallSettled
from domain.holds import Balance
from domain.ids import QuotaId
from domain.quota_events import Metric, Mode, QuotaSet, Scope, ScopeKind
from domain.windows import Window
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model
from tests.proxy.pools import pool


def limit(
    plane: DataPlane,
    bot: TestBot,
    most: int,
    metric: Metric = Metric.TOKENS,
    *,
    window: Window = Window.DAY,
    scope: Scope | None = None,
    mode: Mode = Mode.BLOCK,
) -> UUID:
    """A quota of the bot, unless another scope is named."""
    quota_id = QuotaId(uuid4())
    asked = QuotaSet(
        team_id=plane.team_id,
        scope=scope or Scope(kind=ScopeKind.BOT, id=str(bot.bot_id)),
        metric=metric,
        window=window,
        limit=most,
        time_zone="UTC",
        warn_at_permille=800,
        mode=mode,
    )
    plane.control.bus.handle(SetQuota(quota_id=quota_id, quota=asked), by=plane.by)
    return quota_id


def balance(plane: DataPlane, quota_id: UUID) -> Balance:
    with psycopg.connect(plane.database_url) as connection:
        row = connection.execute(
            "SELECT settled, held FROM quota_balance WHERE quota_id = %s", (quota_id,)
        ).fetchone()
    return Balance() if row is None else Balance(settled=row[0], held=row[1])


def test_a_refusal_says_which_quota_and_when_it_resets(data_plane: DataPlane) -> None:
    bot, model = data_plane.new_bot(), new_model()
    limit(data_plane, bot, 1, Metric.REQUESTS)
    assert data_plane.chat(bot, model).status_code == 200
    refused = data_plane.chat(bot, model)
    assert refused.status_code == 429
    assert refused.headers["x-should-retry"] == "false"
    error = refused.json()["error"]
    assert error["code"] == "quota-exceeded"
    assert error["message"].startswith("daily request quota exceeded, resets at 20")
    assert (
        "limit 1, used 1, held by calls under way 0, this call needs 1" in error["message"]
    )
    event = data_plane.only(bot, CallRefused)
    assert event.hold is not None
    assert (event.code, event.hold.limit, event.hold.settled) == ("quota-exceeded", 1, 1)
    assert len(data_plane.ledger(model)) == 1  # the vendor saw one call


def test_a_models_quota_holds_for_each_way_to_write_its_name(
    data_plane: DataPlane,
) -> None:
    bot, model = data_plane.new_bot(), new_model()
    scope = Scope(kind=ScopeKind.MODEL, id=model)
    limit(data_plane, bot, 1, Metric.REQUESTS, scope=scope)

    def asked(name: str) -> int:
        return data_plane.client.post(
            f"{data_plane.url}/google/v1beta/openai/chat/completions",
            json=chat_body(name),
            headers=bot.bearer,
        ).status_code

    assert [asked(f"models/{model}"), asked(model), asked(f"models/{model}")] == [
        200,
        429,
        429,
    ]
    assert data_plane.only(bot, CallSettled).facts.requested_model == model


def test_who_may_soon_come_again_is_told_when(data_plane: DataPlane) -> None:
    bot, model = data_plane.new_bot(), new_model()
    limit(data_plane, bot, 1, Metric.REQUESTS, window=Window.MINUTE)
    answers = [data_plane.chat(bot, model) for _ in range(3)]  # a minute may end meanwhile
    refused = next(one for one in answers if one.status_code == 429)
    seconds = int(refused.headers["retry-after"])
    assert 1 <= seconds <= 60
    assert abs(seconds - (60 - datetime.now(UTC).second)) <= 2
    assert "x-should-retry" not in refused.headers


def test_whose_call_is_more_than_the_limit_is_not_told_to_wait(
    data_plane: DataPlane,
) -> None:
    bot = data_plane.new_bot()
    limit(data_plane, bot, 0, Metric.REQUESTS, window=Window.MINUTE)
    refused = data_plane.chat(bot, new_model())
    assert refused.status_code == 429
    assert "retry-after" not in refused.headers
    assert refused.headers["x-should-retry"] == "false"
    assert refused.json()["error"]["message"].startswith(
        "minute request quota exceeded (of"
    )


def test_a_plain_call_is_kept_to_what_is_left(data_plane: DataPlane) -> None:
    bot, model = data_plane.new_bot(), new_model("+tokens=500")
    quota_id = limit(data_plane, bot, 200)
    answer = data_plane.chat(bot, model)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["finish_reason"] == "length"
    admitted = data_plane.only(bot, CallAdmitted)
    (hold,) = admitted.holds
    assert hold.amount == 200
    (change,) = admitted.changes
    lowered = int(change.partition("output_limit:")[2])
    used = answer.json()["usage"]
    assert used["completion_tokens"] == lowered
    assert balance(data_plane, quota_id) == Balance(settled=used["total_tokens"], held=0)


def test_a_stream_is_cut_with_its_formats_own_last_words(data_plane: DataPlane) -> None:
    bot, model = data_plane.new_bot(), new_model("+tokens=20000")
    quota_id = limit(data_plane, bot, 12_000)
    client = openai.OpenAI(base_url=f"{data_plane.url}/openai/v1", api_key=bot.token)
    with client:
        chunks = list(
            client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "hello"}], stream=True
            )
        )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert 8_000 < len(text) < 16_000
    assert chunks[-1].choices[0].finish_reason == "length"
    data_plane.ended(bot)
    settled = data_plane.only(bot, CallSettled)
    assert settled.error == "quota-exceeded"
    assert settled.usage.source in {"partial", "estimated"}
    extended = [e for e in data_plane.events(bot) if isinstance(e.event, CallExtended)]
    assert extended
    after = balance(data_plane, quota_id)
    assert after.held == 0
    assert after.settled <= 12_000


def test_a_stream_that_tells_its_length_is_cut_in_good_order_too(
    data_plane: DataPlane,
) -> None:
    bot, model = data_plane.new_bot(), new_model("+tokens=20000+sized")
    limit(data_plane, bot, 12_000)
    answer = data_plane.chat(bot, model, stream=True)
    assert '"finish_reason":"length"' in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(("tokens", "finish"), [(700, "stop"), (5_000, "length")])
def test_a_stream_may_use_all_that_is_left_of_a_small_budget(
    data_plane: DataPlane, tokens: int, finish: str
) -> None:
    """Its bytes are several to a token: it is the vendor that counts and ends it."""
    bot, model = data_plane.new_bot(), new_model(f"+tokens={tokens}")
    quota_id = limit(data_plane, bot, 2_000)
    answer = data_plane.chat(bot, model, stream=True)
    assert f'"finish_reason":"{finish}"' in answer.text
    assert answer.text.endswith("data: [DONE]\n\n")
    data_plane.ended(bot)
    settled = data_plane.only(bot, CallSettled)
    assert (settled.error, settled.usage.source) == (None, "reported")
    used = balance(data_plane, quota_id)
    assert used.held == 0
    assert (used.settled > 1_950) == (tokens > 2_000)
    assert used.settled <= 2_000


def test_a_stream_whose_client_has_left_is_read_on_within_its_quota_only(
    data_plane: DataPlane,
) -> None:
    bot, model = data_plane.new_bot(), new_model("+tokens=20000+pace=0")
    quota_id = limit(data_plane, bot, 9_000)
    url = f"{data_plane.url}/openai/v1/chat/completions"
    body = chat_body(model, stream=True)
    with data_plane.client.stream("POST", url, json=body, headers=bot.bearer) as answer:
        next(answer.iter_raw())
    data_plane.ended(bot)
    settled = data_plane.only(bot, CallSettled)
    assert (settled.client_left, settled.error) == (True, "quota-exceeded")
    after = balance(data_plane, quota_id)
    assert after.held == 0
    assert 1_000 < after.settled <= 9_000


def test_a_stream_within_its_quota_is_not_touched(data_plane: DataPlane) -> None:
    bot, free = data_plane.new_bot(), data_plane.new_bot()
    model = new_model("+tokens=3000")
    limit(data_plane, bot, 100_000)
    texts = []
    for one in (bot, free):
        answer = data_plane.chat(one, model, stream=True)
        lines = [line for line in answer.text.split("\n\n") if line]
        texts.append(len(lines))
        assert lines[-1] == "data: [DONE]"
    assert texts[0] == texts[1]


def test_a_call_without_a_price_is_refused_where_money_is_limited(
    data_plane: DataPlane,
) -> None:
    bot = data_plane.new_bot()
    limit(data_plane, bot, 10**6, Metric.COST_MICRO_USD)
    refused = data_plane.chat(bot, new_model())
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "unpriced-call")
    priced = data_plane.chat(bot, "gpt-4o-mini")
    assert priced.status_code == 200
    settled = data_plane.only(bot, CallSettled)
    assert settled.cost_micro_usd == settled.bookings[0].settled


def test_a_list_of_models_costs_nothing_and_needs_no_price(data_plane: DataPlane) -> None:
    bot = data_plane.new_bot()
    limit(data_plane, bot, 0, Metric.COST_MICRO_USD)
    limit(data_plane, bot, 0, Metric.TOKENS)
    url = f"{data_plane.url}/openai/v1/models"
    assert httpx.get(url, headers=bot.bearer).status_code == 200


def test_the_key_that_serves_is_the_key_that_is_charged(data_plane: DataPlane) -> None:
    two = pool(data_plane, "status=500", None)
    quotas = [
        limit(
            data_plane,
            two.bot,
            10,
            Metric.REQUESTS,
            scope=Scope(kind=ScopeKind.PROVIDER_KEY, id=str(key)),
        )
        for key in two.keys
    ]
    assert data_plane.chat(two.bot, new_model()).status_code == 200
    data_plane.ended(two.bot)
    assert [balance(data_plane, quota).settled for quota in quotas] == [0, 1]


def test_a_key_without_quota_is_not_used_in_another_keys_place(
    data_plane: DataPlane,
) -> None:
    two = pool(data_plane, "status=500", None)
    scope = Scope(kind=ScopeKind.PROVIDER_KEY, id=str(two.keys[1]))
    limit(data_plane, two.bot, 0, Metric.REQUESTS, scope=scope)
    assert data_plane.chat(two.bot, new_model()).status_code == 500


@pytest.mark.parametrize("kind", [ScopeKind.TEAM, ScopeKind.MODEL])
def test_a_quota_that_notifies_counts_and_refuses_nothing(
    data_plane: DataPlane, kind: ScopeKind
) -> None:
    bot, model = data_plane.new_bot(), new_model()
    scope_id = str(data_plane.team_id) if kind is ScopeKind.TEAM else model
    scope = Scope(kind=kind, id=scope_id)
    quota_id = limit(data_plane, bot, 0, scope=scope, mode=Mode.NOTIFY)
    before = balance(data_plane, quota_id).settled
    answer = httpx.post(
        f"{data_plane.url}/openai/v1/chat/completions",
        json=chat_body(model),
        headers=bot.bearer,
    )
    used = answer.json()["usage"]["total_tokens"]
    assert balance(data_plane, quota_id).settled == before + used
    removed = RemoveQuota(
        quota_id=QuotaId(quota_id), team_id=data_plane.team_id, expected_version=None
    )
    data_plane.control.bus.handle(removed, by=data_plane.by)  # other tests share the team
