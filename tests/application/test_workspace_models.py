"""Which models a bot is told of, from its links, its team's keys and the catalogs."""

from __future__ import annotations

from uuid import UUID, uuid4

from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.model_limits import shipped_model_limits
from application.workspace_models import LinkedModels, TeamKey, api_of
from domain.bot_events import ProviderLink
from domain.workspace.facts import Api, VendorChoice

MODELS = LinkedModels(
    load_catalog(), load_routing_catalog(), shipped_model_limits().output_limit
)
OPENAI = TeamKey(id=uuid4(), vendor="openai", tags=("fast",))
CLAUDE = TeamKey(id=uuid4(), vendor="anthropic", tags=("fast",))


def link(
    *models: str,
    key: UUID | None = None,
    vendor: str | None = None,
    tag: str | None = None,
    primary: str | None = None,
    priority: int = 0,
    weight: int = 1,
) -> ProviderLink:
    return ProviderLink(
        link_id=uuid4(),
        provider_key_id=key,
        vendor=vendor,
        tag=tag,
        models=models or ("*",),
        primary_model=primary,
        priority=priority,
        weight=weight,
    )


def names(choices: tuple[VendorChoice, ...]) -> dict[str, list[str]]:
    return {one.vendor: [model.id for model in one.models] for one in choices}


def test_a_link_to_a_key_is_the_vendor_of_the_key() -> None:
    found = MODELS.choices([link("gpt-4o", key=OPENAI.id)], [CLAUDE, OPENAI])
    assert names(found) == {"openai": ["gpt-4o"]}


def test_the_primary_model_is_asked_first_and_named_once() -> None:
    asked = link("gpt-4o", "gpt-5.1", key=OPENAI.id, primary="gpt-5.1")
    found = MODELS.choices([asked], [OPENAI])
    assert names(found) == {"openai": ["gpt-5.1", "gpt-4o"]}


def test_all_models_are_the_text_models_of_the_catalog() -> None:
    (found,) = MODELS.choices([link(vendor="google")], [])
    ids = [model.id for model in found.models]
    assert "gemini-3-flash-preview" in ids
    assert "gemini-3-pro-image" not in ids
    assert found.api is Api.GOOGLE
    assert all(model.images for model in found.models if "flash-preview" in model.id)


def test_a_key_for_some_models_brings_those_and_no_others() -> None:
    own = TeamKey(id=uuid4(), vendor="custom", models=("llama-local", "mistral-*"))
    found = MODELS.choices([link(key=own.id)], [own])
    assert names(found) == {"custom": ["llama-local"]}
    one = TeamKey(id=uuid4(), vendor="openai", models=("gpt-5.1",))
    assert names(MODELS.choices([link(key=one.id)], [one])) == {"openai": ["gpt-5.1"]}


def test_a_tag_means_every_vendor_with_such_a_key() -> None:
    found = MODELS.choices([link("m", tag="fast")], [OPENAI, CLAUDE])
    assert names(found) == {"openai": ["m"], "anthropic": ["m"]}


def test_links_come_by_priority_then_weight() -> None:
    last = link("c", vendor="mistral", priority=1, weight=9)
    second, first = link("b", vendor="groq"), link("a", vendor="openai", weight=2)
    found = MODELS.choices([last, second, first], [])
    assert names(found) == {"openai": ["a"], "groq": ["b"], "mistral": ["c"]}


def test_a_vendor_without_a_known_model_stands_there_without() -> None:
    assert names(MODELS.choices([link(vendor="custom")], [])) == {"custom": []}


def test_a_vendor_that_nobody_knows_is_left_out() -> None:
    assert MODELS.choices([link("x", vendor="nobody")], []) == ()


def test_vendors_are_spoken_to_with_their_own_header() -> None:
    spoken = {vendor.id: api_of(vendor) for vendor in load_catalog().all()}
    assert spoken.pop("anthropic") is Api.ANTHROPIC
    assert spoken.pop("google") is Api.GOOGLE
    assert set(spoken.values()) == {Api.OPENAI}


def test_an_old_vendor_gets_the_field_that_it_knows() -> None:
    found = MODELS.choices(
        [link("m", vendor="deepseek"), link("gpt-4o", vendor="openai")], []
    )
    assert [one.old_max_tokens for one in found] == [True, False]


def test_a_model_that_is_asked_for_responses_only_says_so() -> None:
    (found,) = MODELS.choices([link("gpt-5.2-pro", "gpt-5.1", vendor="openai")], [])
    assert [model.api for model in found.models] == [Api.OPENAI_RESPONSES, None]


def test_an_answer_takes_no_more_than_its_model_writes() -> None:
    (found,) = MODELS.choices([link("gpt-4-turbo", "gpt-5.1", vendor="openai")], [])
    assert [model.max_tokens for model in found.models] == [4096, 8192]
