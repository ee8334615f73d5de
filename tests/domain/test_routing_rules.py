"""Rules: what holds of a request, asked of its words while they are at hand."""

from __future__ import annotations

from typing import Any

import pytest

from domain.routing_facts import Answers, RequestFacts, RequestWords
from domain.routing_plan import plan
from domain.routing_policy import (
    CapabilityTag,
    Conditions,
    Function,
    Level,
    RoutingShelf,
    Rule,
)
from domain.routing_rules import holds, level_of, level_said
from domain.routing_words import MOST_OF_TAGS, answered, fits, measured, question_id
from tests.domain.routing_scene import EMPTY, GPT, NO_BOT, asks


def function(when: Conditions) -> Function:
    return Function(rules=(Rule(id="r", when=when, steps=(GPT,)),), default=(GPT,))


def met(
    when: Conditions,
    facts: RequestFacts | None = None,
    text: str = "",
    tools: tuple[str, ...] = (),
    on: RoutingShelf = EMPTY,
) -> bool:
    words = RequestWords(text=text, tool_names=tools)
    answers = answered(function(when), on, words)
    return holds(when, facts or asks(), answers, on)


@pytest.mark.parametrize(
    ("when", "text", "found"),
    [
        (Conditions(keywords=("SQL", "index")), "which index is best?", True),
        (Conditions(keywords=("SQL",)), "a mysql question", True),
        (Conditions(patterns=(r"\bsql\b",)), "a mysql question", False),
        (Conditions(keywords=("poem",), patterns=(r"\bsql\b",)), "SQL please", True),
        (Conditions(keywords=("straße",)), "STRASSE", True),
        (Conditions(keywords=("翻译",)), "请翻译这段话", True),
    ],
)
def test_keywords_and_patterns_are_one_list_of_signs(
    when: Conditions,
    text: str,
    found: bool,  # noqa: FBT001
) -> None:
    assert met(when, text=text) is found


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("tools", asks(tools=1)),
        ("images", asks(images=2)),
        ("thinking", asks(thinking=True)),
        ("cache_control", asks(cache_control=True)),
        ("streaming", asks(streaming=True)),
    ],
)
def test_a_feature_may_be_wanted_or_not_wanted(field: str, facts: RequestFacts) -> None:
    yes: dict[str, Any] = {field: True}
    no: dict[str, Any] = {field: False}
    wanted, unwanted = Conditions(**yes), Conditions(**no)
    assert [met(wanted, facts), met(wanted)] == [True, False]
    assert [met(unwanted, facts), met(unwanted)] == [False, True]


def test_lengths_are_inclusive() -> None:
    when = Conditions(min_chars=3, max_chars=5)
    assert [met(when, asks(chars=n)) for n in (2, 3, 5, 6)] == [False, True, True, False]
    large = Conditions(min_input_tokens=100)
    assert [met(large, asks(input_tokens=n)) for n in (99, 100)] == [False, True]


def test_everything_that_is_set_must_hold() -> None:
    when = Conditions(keywords=("sql",), images=True)
    assert not met(when, text="sql")
    assert met(when, asks(images=1), text="sql")


def test_formats_are_told_apart() -> None:
    when = Conditions(formats=("anthropic-messages",))
    assert met(when, asks(format="anthropic-messages"))
    assert not met(when)


@pytest.mark.parametrize(
    ("pattern", "name", "found"),
    [
        ("search", "Search", True),
        ("search", "research", False),
        ("web_*", "web_search", True),
        ("*_search", "web_search", True),
        ("w*b*h", "web_search", True),
        ("a*a", "a", False),
        ("*", "anything", True),
        ("mcp__*__read*", "mcp__github__read_file", True),
        ("*ab", "aab", True),
    ],
)
def test_tools_are_matched_by_name(pattern: str, name: str, found: bool) -> None:  # noqa: FBT001
    assert fits(pattern, name) is found
    assert met(Conditions(tool_names=(pattern,)), asks(tools=1), tools=(name,)) is found


def test_a_tag_that_recognises_the_request_may_be_a_condition() -> None:
    tag = CapabilityTag(id="search", detect=Conditions(tool_names=("web_search*",)))
    on = RoutingShelf(tags={"search": tag, "mute": CapabilityTag(id="mute")})
    when = Conditions(capabilities=("search", "mute", "gone"))
    assert met(when, asks(tools=1), tools=("web_search_2",), on=on)
    assert not met(when, asks(tools=1), tools=("bash",), on=on)


def test_a_question_that_nobody_answered_counts_as_no_and_is_noted() -> None:
    policy = function(Conditions(keywords=("sql",)))
    planned = plan(policy, shelf=EMPTY, facts=asks(), answers=Answers(), bot=NO_BOT)
    assert planned.notes == ("unanswered:r",)
    assert planned.stages[0].because == "default"


def test_what_a_tag_asks_and_nobody_answered_is_noted_too() -> None:
    tag = CapabilityTag(id="search", detect=Conditions(tool_names=("web_search*",)))
    on = RoutingShelf(tags={"search": tag})
    policy = function(Conditions(capabilities=("search",)))
    planned = plan(policy, shelf=on, facts=asks(), answers=Answers(), bot=NO_BOT)
    assert planned.notes == ("unanswered:r",)
    answers = answered(policy, on, RequestWords())
    assert not plan(policy, shelf=on, facts=asks(), answers=answers, bot=NO_BOT).notes


def test_tags_that_grew_ask_so_much_of_a_request_and_the_rest_is_noted() -> None:
    grown = {
        f"t{n}": CapabilityTag(
            id=f"t{n}",
            detect=Conditions(keywords=tuple(f"{n}-{k}" for k in range(50))),
        )
        for n in range(11)
    }
    on = RoutingShelf(tags=grown)
    named = Rule(id="tags", when=Conditions(capabilities=tuple(grown)), steps=(GPT,))
    own = Rule(id="own", when=Conditions(keywords=("sql",)), steps=(GPT,))
    policy = Function(rules=(named, own), default=(GPT,))
    answers = answered(policy, on, RequestWords(text="sql"))
    assert len(answers.no) == MOST_OF_TAGS < 11 * 50
    planned = plan(policy, shelf=on, facts=asks(), answers=answers, bot=NO_BOT)
    assert planned.stages[0].because == "own"
    assert planned.notes == ("unanswered:tags",)


def test_answers_say_nothing_of_the_words() -> None:
    answers = answered(
        function(Conditions(keywords=("secret", "other"))),
        EMPTY,
        RequestWords(text="my secret"),
    )
    assert answers.yes == (question_id("keyword", "secret"),)
    assert answers.no == (question_id("keyword", "other"),)
    assert "secret" not in str(answers)


def test_words_are_measured() -> None:
    text = "Prove it step by step, then optimise. ```a``` ```b``` Why? 为什么？"  # noqa: RUF001
    assert measured(text) == (2, 4, 2)
    assert measured("") == (0, 0, 0)
    assert measured("prove " * 100 + "?" * 100) == (0, 20, 20)


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        ("complex", Level.COMPLEX),
        ('"Simple".', Level.SIMPLE),
        ("**medium**", Level.MEDIUM),
        ("The level is: medium", None),
        ("simple or complex", None),
        ("not simple", None),
        ("", None),
        ("I cannot help with that", None),
        (None, None),
        ("x" * 1000 + " simple", None),
    ],
)
def test_a_classifier_is_taken_at_one_word_or_not_at_all(
    answer: str | None, level: Level | None
) -> None:
    assert level_said(answer) is level


def test_a_harder_request_is_never_of_an_easier_level() -> None:
    order = list(Level)
    levels = [level_of(asks(hard_words=n, chars=200 * n)) for n in range(10)]
    assert [order.index(one) for one in levels] == sorted(
        order.index(one) for one in levels
    )
    assert set(levels) == set(Level)
