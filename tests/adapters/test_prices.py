"""Whose price holds, and that ours are those of `genai-prices` to the micro-dollar."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalog.loader import load_catalog
from adapters.prices import PricesFile, ShippedPrices, read_prices
from adapters.prices import shipped_price_book as book
from adapters.published_prices import PublishedPrices
from domain.errors import BadSetup
from domain.prices import MOST_OF_A_CALL, Price, cost_of
from domain.usage import UNKNOWN, OtherUnits, Usage

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
GENAI = f"genai-prices:{genai_prices.__version__}"
THOUSAND = Usage(input_tokens=1_000, output_tokens=1_000)
ALL = tuple((p.id, model.id) for p in get_snapshot().providers for model in p.models)
EVERY = PublishedPrices(
    {provider.id: [provider.id] for provider in get_snapshot().providers}
)


def test_a_published_price_is_found_and_named() -> None:
    # gpt-4o-mini: 0.15 and 0.60 dollars a million, 0.075 of what was cached
    usage = Usage(input_tokens=10_000, output_tokens=1_000, cache_read_tokens=4_000)
    cost = 6_000 * 0.15 + 4_000 * 0.075 + 600
    assert book().priced(usage, "openai", "gpt-4o-mini", AT) == (int(cost), GENAI)


@pytest.mark.parametrize(("tokens", "dollars"), [(200_000, 3), (200_001, 6)])
def test_a_long_prompt_is_charged_by_its_tier(tokens: int, dollars: int) -> None:
    usage = Usage(input_tokens=tokens, output_tokens=0)
    priced = book().priced(usage, "anthropic", "claude-sonnet-4-5", AT)
    assert priced == (tokens * dollars, GENAI)


def test_anthropics_cache_and_searches_are_charged_apart() -> None:
    usage = Usage(
        input_tokens=2_450,
        output_tokens=220,
        cache_read_tokens=2_000,
        cache_write_tokens=400,
        cache_write_1h_tokens=100,
        other=OtherUnits(web_searches=3),
    )
    cost = 150 + 600 + 1_125 + 600 + 3_300 + 30_000
    assert book().priced(usage, "anthropic", "claude-sonnet-4-5", AT) == (cost, GENAI)


def test_a_generated_image_has_a_price_where_its_tokens_are_told() -> None:
    # gpt-image-1: 5 dollars a million of text, 10 of images, 40 of what comes out
    told = OtherUnits(images=1, image_input_tokens=30)
    usage = Usage(input_tokens=50, output_tokens=4160, other=told)
    cost = 20 * 5 + 30 * 10 + 4160 * 40
    assert book().priced(usage, "openai", "gpt-image-1", AT)[0] == cost


def test_a_cost_from_the_vendor_comes_before_any_price() -> None:
    usage = replace(THOUSAND, reported_cost_micro_usd=11_300)
    assert book().priced(usage, "openai", "gpt-4o-mini", AT) == (11_300, "vendor")
    assert book().priced(usage, "custom", None, AT) == (11_300, "vendor")


def test_what_is_not_published_is_in_our_own_table() -> None:
    told = book().priced(THOUSAND, "dashscope", "Qwen-Plus", AT)
    assert told == (560 + 1_680, "shipped:2026-02-10")
    embedding = Usage(input_tokens=1_000, output_tokens=0)
    assert book().priced(embedding, "doubao", "doubao-embedding", AT)[0] == 50


@pytest.mark.parametrize(
    ("vendor", "model"),
    [
        ("openai", "never-heard-of"),
        ("openai", None),
        ("yi", "yi-large"),
        ("custom", "gpt-4o-mini"),
        ("cohere", "rerank-v3.5"),
    ],
)
def test_a_price_that_nobody_knows_is_unknown(vendor: str, model: str | None) -> None:
    assert book().priced(THOUSAND, vendor, model, AT) == (None, None)


def test_without_usage_there_is_no_cost_and_no_source() -> None:
    assert book().priced(UNKNOWN, "openai", "gpt-4o-mini", AT) == (None, None)


def test_models_are_found_under_the_names_that_vendors_use() -> None:
    for vendor, model in (
        ("google", "models/gemini-2.5-flash"),
        ("azure-openai", "gpt-4o-2024-08-06"),
        ("zhipu", "glm-4.6"),
        ("moonshot", "kimi-k2-0905-preview"),
        ("groq", "llama-3.3-70b-versatile"),
        ("mistral", "mistral-large-latest"),
    ):
        assert book().price_of(vendor, model, AT) is not None, model


def test_prices_follow_the_date_of_the_call() -> None:
    dated = 0
    for provider, model in ALL:
        before = EVERY.price_of(provider, model, datetime(2024, 1, 1, tzinfo=UTC))
        dated += before != EVERY.price_of(provider, model, AT)
    assert dated > 50


def usage_of(values: dict[str, int]) -> Usage:
    return Usage(
        input_tokens=values["input_tokens"],
        output_tokens=values["output_tokens"],
        cache_read_tokens=values.get("cache_read_tokens"),
        cache_write_tokens=values.get("cache_write_tokens"),
        cache_write_1h_tokens=values.get("cache_write_1h_tokens"),
    )


def theirs(provider: str, model: str, values: dict[str, int]) -> int:
    told = genai_prices.calc_price(
        genai_prices.Usage(**values),
        model,
        provider_id=provider,
        genai_request_timestamp=AT,
    )
    return round(told.total_price * 1_000_000)


def agrees(provider: str, model: str, values: dict[str, int]) -> bool | None:
    """Whether our cost is theirs; None where we do not price it."""
    price = EVERY.price_of(provider, model, AT)
    cost = None if price is None else cost_of(usage_of(values), price)
    if cost is None:
        return None
    return abs(cost - theirs(provider, model, values)) <= 1


CALL = {
    "input_tokens": 9_000,
    "output_tokens": 700,
    "cache_read_tokens": 2_000,
    "cache_write_tokens": 1_000,
    "cache_write_1h_tokens": 300,
}
LONG = CALL | {"input_tokens": 600_000}
EMBEDDING = {"input_tokens": 9_000, "output_tokens": 0}


@pytest.mark.parametrize("call", [CALL, LONG, EMBEDDING])
def test_every_published_model_costs_what_genai_prices_says(call: dict[str, int]) -> None:
    judged = [(provider, model, agrees(provider, model, call)) for provider, model in ALL]
    assert [one for one in judged if one[2] is False] == []
    # The others have no rate for tokens, or are not found by their own id.
    assert sum(agreed is True for *_, agreed in judged) > 0.8 * len(ALL)


@given(
    st.sampled_from(ALL),
    st.integers(1, 1_000_000),
    st.integers(0, 200_000),
    st.integers(0, 100),
    st.integers(0, 100),
)
def test_any_call_costs_what_genai_prices_says(
    model: tuple[str, str], tokens: int, out: int, read: int, written: int
) -> None:
    values = {
        "input_tokens": tokens,
        "output_tokens": out,
        "cache_read_tokens": tokens * read // 200,
        "cache_write_tokens": tokens * written // 200,
        "cache_write_1h_tokens": tokens * written // 400,
    }
    assert agrees(*model, values) is not False


def test_time_is_charged_as_genai_prices_does() -> None:
    price = EVERY.price_of("openai", "whisper-1", AT)
    assert price is not None
    usage = Usage(other=OtherUnits(audio_ms=95_000))
    told = genai_prices.calc_price(
        genai_prices.Usage(input_audio_seconds=95, audio_seconds=95),
        "whisper-1",
        provider_id="openai",
    )
    assert cost_of(usage, price) == round(told.total_price * 1_000_000)


def test_a_known_model_is_priced_in_microseconds() -> None:
    prices, usage = book(), replace(THOUSAND, cache_read_tokens=100)

    def once() -> float:
        started = time.perf_counter()
        for _ in range(200):
            prices.priced(usage, "openai", "gpt-4o-mini", AT)
        return (time.perf_counter() - started) / 200

    assert min(once() for _ in range(20)) < 20e-6  # 2 here; 230 without the cache


def test_every_vendor_that_we_price_could_be_one_of_ours() -> None:
    file = read_prices(files("adapters.catalog") / "prices.yaml")
    assert not file.published_as.keys() & file.models.keys()
    known = {provider.id for provider in get_snapshot().providers}
    named = {name for names in file.published_as.values() for name in names}
    assert named <= known
    told = file.published_as.keys() | file.models.keys()
    ours = {vendor.id for vendor in load_catalog().all()} - {"custom"}
    assert ours - told <= {
        *("baichuan", "stepfun", "yi", "hunyuan", "siliconflow", "venice", "ollama")
    }


def test_a_price_below_nothing_stops_the_process(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    text = (
        "version: x\npublished_as: {}\nmodels: {v: [{input: -1, output: 1, models: [m]}]}\n"
    )
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadSetup, match=r"prices\.yaml: models\.v\.0\.input: "):
        read_prices(file)
    file.write_text("version: [", encoding="utf-8")
    with pytest.raises(BadSetup, match="not readable as YAML"):
        read_prices(file)


def test_a_shipped_price_keeps_its_decimals() -> None:
    text = {"input": 0.1, "output": 0.000001, "models": ["m"]}
    content = {"version": "1", "published_as": {}, "models": {"v": [text]}}
    shipped = ShippedPrices(PricesFile.model_validate(content))
    assert shipped.price_of("v", "m", AT) == Price(input=100_000, output=1)


def test_a_search_of_a_gemini_costs_what_genai_prices_says() -> None:
    found = book().price_of("google", "gemini-2.5-flash", AT)
    assert found is not None
    assert found.price.web_search == 35_000
    searched = Usage(input_tokens=0, output_tokens=0, other=OtherUnits(web_searches=1))
    assert cost_of(searched, found.price) == 35_000


@pytest.mark.parametrize("seconds", [0, 3, 10, 61])
@pytest.mark.parametrize("model", ["whisper-large-v3", "whisper-large-v3-turbo"])
def test_short_sound_costs_at_groq_what_ten_seconds_do(model: str, seconds: int) -> None:
    heard = Usage(other=OtherUnits(audio_ms=seconds * 1_000))
    told = genai_prices.calc_price(
        genai_prices.Usage(audio_seconds=seconds), model, provider_id="groq"
    )
    expected = round(told.total_price * 1_000_000)
    assert book().priced(heard, "groq", model, AT)[0] == expected


def test_a_lie_costs_no_more_when_it_is_priced_again() -> None:
    said = Usage(reported_cost_micro_usd=2**53 - 1)
    assert book().priced(said, "openrouter", "openai/gpt-4o", AT)[0] == MOST_OF_A_CALL
    much = Usage(input_tokens=2**53 - 1, output_tokens=0)
    assert book().priced(much, "openai", "gpt-4o", AT)[0] == MOST_OF_A_CALL
