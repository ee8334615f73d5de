"""The built-in tags, chains and strategies: complete, consistent, and checked for truth."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import yaml
from genai_prices.data_snapshot import get_snapshot

from adapters.catalog.loader import load_catalog, read_spec
from adapters.catalog.routing_catalog import (
    load_routing_catalog,
    read_corrections,
    read_routing_catalog,
)
from adapters.catalog.routing_schema import ModelsFile
from adapters.known_models import CatalogModels
from adapters.prices import read_prices, shipped_price_book
from domain.errors import BadSetup
from domain.routing_catalog import LISTED_WHOLE
from domain.routing_checks import check_chain, check_strategy, check_tag
from domain.routing_facts import RequestFacts, RequestWords
from domain.routing_policy import RouteTarget
from domain.routing_rules import recognised
from domain.vendors import Format

FOLDER = files("adapters.catalog") / "routing"
CATALOG = load_routing_catalog()
VENDORS = load_catalog()
MODELS = CatalogModels(VENDORS, CATALOG, shipped_price_book())
LISTED = {one.model: one for one in read_spec(FOLDER / "models.yaml", ModelsFile).models}


def published(vendor: str, model: str) -> tuple[bool, bool]:
    """Whether genai-prices lists the model, and whether it does so as deprecated."""
    names = read_prices(files("adapters.catalog") / "prices.yaml").published_as
    snapshot = get_snapshot().providers
    for provider in (p for name in names[vendor] for p in snapshot if p.id == name):
        found = provider.find_model(model, all_providers=snapshot)
        if found is not None:
            return True, bool(found.deprecated)
    return False, False


def test_there_are_22_tags_13_chains_and_13_strategies() -> None:
    assert [len(CATALOG.tags), len(CATALOG.chains), len(CATALOG.strategies)] == [22, 13, 13]


@pytest.mark.parametrize("kind", ["tags", "chains", "strategies"])
def test_every_entry_speaks_english_and_chinese(kind: str) -> None:
    for entry in getattr(CATALOG, kind).values():
        for texts in (entry.names, entry.descriptions):
            assert set(texts) == {"en", "zh"}
            assert texts["en"].isascii()
            assert any("\u4e00" <= sign <= "\u9fff" for sign in texts["zh"])


def test_every_entry_passes_the_checks_that_a_teams_own_must_pass() -> None:
    for chain in CATALOG.chains.values():
        check_chain(chain.entry, CATALOG.shelf, MODELS)
    for tag in CATALOG.tags.values():
        check_tag(tag.entry, CATALOG.shelf, MODELS)
    for strategy in CATALOG.strategies.values():
        check_strategy(strategy.entry, CATALOG.shelf, MODELS)
        weights = strategy.entry.weights
        assert weights.cost + weights.performance + weights.capability == 100


@pytest.mark.parametrize("name", sorted(LISTED))
def test_every_model_is_in_the_published_lists_and_not_on_its_way_out(name: str) -> None:
    vendor, _, model = name.partition("/")
    if vendor in LISTED_WHOLE | {"minimax", "openrouter"}:
        listed, deprecated = published(vendor, model)
        assert listed is not LISTED[name].unlisted
        assert not deprecated
    else:
        assert not LISTED[name].unlisted
        assert MODELS.has_vendor(vendor)


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_chat_model_can_be_asked_in_some_format_and_is_named_somewhere(name: str) -> None:
    vendor, _, model = name.partition("/")
    target = RouteTarget(vendor=vendor, model=model)
    chat: tuple[Format, ...] = ("openai-chat", "openai-responses", "anthropic-messages")
    if LISTED[name].kind == "text":
        assert any(CATALOG.serves(VENDORS.get(vendor), model, one) for one in chat)
    tags = [t for tag in CATALOG.tags.values() for t in tag.entry.models]
    strategies = [t for one in CATALOG.strategies.values() for t in one.entry.models]
    steps = [step for chain in CATALOG.chains.values() for step in chain.entry.steps]
    anthropic = RouteTarget(vendor=vendor, model=model, protocol="anthropic")
    assert {target, anthropic} & {*tags, *strategies, *steps}


def test_every_correction_is_in_force() -> None:
    for one in read_corrections(FOLDER).corrected:
        assert one.why
        assert not set(one.was) & set(LISTED)
        assert one.now is None or one.now in LISTED


def test_a_name_that_was_none_is_known_for_that() -> None:
    assert MODELS.has_model("openai", "gpt-image-1.5-plus-ultra") is not None
    assert MODELS.has_model("anthropic", "claude-haiku-3-5-20241022") is False
    assert MODELS.has_model("openai", "gpt-6-sol") is True
    assert MODELS.has_model("ollama", "whatever:7b") is None
    named = MODELS.naming([("anthropic", "claude-next")])
    assert named.has_model("anthropic", "claude-next") is True


@pytest.mark.parametrize(
    ("vendor", "model", "spoken", "serves"),
    [
        ("openai", "gpt-5.2", "openai-chat", True),
        ("openai", "gpt-5.2", "anthropic-messages", False),
        ("openai", "gpt-5.3-codex", "openai-chat", False),
        ("openai", "gpt-5.3-codex", "openai-responses", True),
        ("anthropic", "claude-opus-4-6", "openai-chat", True),
        ("anthropic", "claude-opus-4-6", "openai-embeddings", False),
        ("google", "gemini-3.8-flash", "openai-responses", False),
        ("deepseek", "deepseek-v4-flash", "anthropic-messages", True),
        ("openai", "gpt-5.2", "gemini", False),
    ],
)
def test_a_model_serves_the_formats_that_its_vendor_and_itself_speak(
    vendor: str,
    model: str,
    spoken: Format,
    serves: bool,  # noqa: FBT001
) -> None:
    assert CATALOG.serves(VENDORS.get(vendor), model, spoken) is serves


def test_a_price_is_known_for_every_chat_model_of_a_complete_list() -> None:
    now = datetime.now(UTC)
    for name, model in LISTED.items():
        vendor, _, called = name.partition("/")
        if vendor in LISTED_WHOLE and model.kind == "text":
            assert shipped_price_book().price_of(vendor, called, now) is not None, name


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        ("models.yaml", {"models": [{"model": "nobody/x"}]}, "no vendor nobody"),
        ("models.yaml", {"models": [{"model": "openai/x"}]}, "is not in models.yaml"),
        ("models.yaml", {"models": [{"model": "openai/x"}] * 2}, "twice"),
        ("models.yaml", {"models": [{"model": "openai/x", "score": 1}]}, "score"),
        ("formats.yaml", {"formats": {"openai": ["openai-chat"]}}, "missing"),
        ("capability_tags.yaml", {"tags": []}, "there is no tag"),
    ],
)
def test_a_file_that_is_wrong_stops_the_process_and_says_where(
    tmp_path: Path, file: str, change: dict[str, object], told: str
) -> None:
    folder = tmp_path / "routing"
    copytree(Path(str(FOLDER)), folder)
    content = yaml.safe_load((folder / file).read_text()) | change
    (folder / file).write_text(yaml.safe_dump(content))
    with pytest.raises(BadSetup, match=told):
        read_routing_catalog(folder, VENDORS)


def test_the_version_changes_with_the_content(tmp_path: Path) -> None:
    folder = tmp_path / "routing"
    copytree(Path(str(FOLDER)), folder)
    assert read_routing_catalog(folder, VENDORS).version == CATALOG.version
    chains = folder / "fallback_chains.yaml"
    chains.write_text(chains.read_text().replace("timeout_ms: 60000", "timeout_ms: 50000"))
    assert read_routing_catalog(folder, VENDORS).version != CATALOG.version


@pytest.mark.parametrize(
    ("facts", "tools", "tags"),
    [
        ({"thinking": True, "images": 1}, (), ("deep-reasoning", "vision")),
        ({"tools": 1}, ("web_search_20250305",), ("function-calling", "web-search")),
        ({"tools": 1}, ("code_interpreter",), ("function-calling", "code-execution")),
        ({"cache_control": True}, (), ("cost-optimized",)),
        ({"input_tokens": 100_001}, (), ("long-context",)),
        ({"input_tokens": 100_000}, (), ()),
    ],
)
def test_requests_are_recognised_by_the_built_in_tags(
    facts: dict[str, Any], tools: tuple[str, ...], tags: tuple[str, ...]
) -> None:
    request = RequestFacts(format="openai-chat", **facts)
    words = RequestWords(tool_names=tools)
    found = recognised(CATALOG.shelf, request, words)
    assert set(found) == set(tags)
    priorities = [CATALOG.tags[name].entry.priority for name in found]
    assert priorities == sorted(priorities, reverse=True)
