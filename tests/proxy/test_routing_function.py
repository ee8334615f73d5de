"""Rules: the first one that holds of a request says where it goes."""

from __future__ import annotations

from typing import Any

import pytest

from domain.routing_policy import Conditions, Function, Rule
from tests.journeys.plane import DataPlane
from tests.proxy.routes import Routed, routed, target

TOOL = {
    "type": "function",
    "function": {"name": "search_web", "parameters": {"type": "object"}},
}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
REMINDER = "<system-reminder>\nYou may draw a picture.\n</system-reminder>"
OPENCLAW = (
    "<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\ndraw\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>"
)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [user(text)], **more}


def parted(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [user(list(parts))], **more}


def ruled(plane: DataPlane, when: Conditions) -> tuple[Routed, str, str]:
    """A bot with one rule: the model that it leads to, and the one of all others."""
    matched, others = target(), target("google")
    rule = Rule(id="the-rule", when=when, steps=(matched,))
    bot = routed(plane, Function(rules=(rule,), default=(others,)))
    return bot, matched.model, others.model


@pytest.mark.parametrize(
    ("when", "yes", "no"),
    [
        (Conditions(keywords=("Draw",)), said("please draw a cat"), said("write a poem")),
        (
            Conditions(patterns=(r"\bfix (the )?bugs?\b",)),
            said("Fix the bug in it"),
            said("prefix bugsy"),
        ),
        (Conditions(tools=True), said("hi", tools=[TOOL]), said("hi")),
        (
            Conditions(tool_names=("search_*",)),
            said("hi", tools=[TOOL]),
            said("search_web"),
        ),
        (
            Conditions(images=True),
            parted({"type": "text", "text": "what is it?"}, PICTURE),
            said("an image_url"),
        ),
        (Conditions(thinking=True), said("hi", reasoning_effort="high"), said("hi")),
        (Conditions(streaming=False), said("hi"), None),
        (Conditions(min_chars=20), said("a" * 20), said("a" * 19)),
        (Conditions(max_chars=5), said("hello"), said("hello!")),
        (Conditions(min_input_tokens=2000), said("word " * 2000), said("word")),
        (Conditions(formats=("openai-chat",)), said("hi"), None),
        (
            Conditions(keywords=("draw",), tools=True),
            said("draw", tools=[TOOL]),
            said("draw"),
        ),
        (
            Conditions(cache_control=True),
            parted({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}),
            said("cache_control"),
        ),
        (Conditions(capabilities=("vision",)), parted(PICTURE), said("look")),
    ],
)
def test_a_rule_is_taken_where_it_holds_and_the_default_elsewhere(
    data_plane: DataPlane,
    when: Conditions,
    yes: dict[str, Any],
    no: dict[str, Any] | None,
) -> None:
    bot, matched, others = ruled(data_plane, when)
    answer = bot.ask(**yes)
    assert (answer.status_code, answer.headers["x-clawbot-model"]) == (200, matched)
    decision = bot.decision()
    assert (decision.chose, decision.because) == ("function", "the-rule")
    if no is not None:
        assert bot.ask(**no).headers["x-clawbot-model"] == others


@pytest.mark.parametrize(
    "messages",
    [
        [user(f"{REMINDER}\nwrite a poem")],
        [user([{"type": "text", "text": REMINDER}, {"type": "text", "text": "a poem"}])],
        [user(f"{OPENCLAW}\n[Sun 2026-11-22 10:00 UTC] write a poem")],
        [{"role": "system", "content": "draw"}, user("write a poem")],
        [user("draw"), {"role": "assistant", "content": "done"}, user("write a poem")],
        [user("write a poem"), {"role": "assistant", "content": "draw?"}],
    ],
)
def test_only_the_users_own_last_words_are_looked_at(
    data_plane: DataPlane, messages: list[dict[str, Any]]
) -> None:
    bot, _, others = ruled(data_plane, Conditions(keywords=("draw",)))
    assert bot.ask(messages=messages).headers["x-clawbot-model"] == others


def test_the_words_behind_an_agents_block_are_the_users(data_plane: DataPlane) -> None:
    bot, matched, _ = ruled(data_plane, Conditions(keywords=("a cat",)))
    assert bot.asked(f"{REMINDER}\ndraw a cat") == matched


def test_the_first_rule_that_holds_wins(data_plane: DataPlane) -> None:
    first, second, default = target(), target("google"), target("custom")
    rules = (
        Rule(id="one", when=Conditions(keywords=("cat",)), steps=(first,)),
        Rule(id="two", when=Conditions(keywords=("cat", "dog")), steps=(second,)),
    )
    bot = routed(data_plane, Function(rules=rules, default=(default,)))
    assert bot.asked("a cat and a dog") == first.model
    assert bot.asked("a dog") == second.model
    assert bot.asked("a fish") == default.model


def test_where_the_rules_steps_cannot_serve_the_default_does(
    data_plane: DataPlane,
) -> None:
    keyless, default = target("custom", tag="nobody-has-it"), target("google")
    rule = Rule(id="cats", when=Conditions(keywords=("cat",)), steps=(keyless,))
    bot = routed(data_plane, Function(rules=(rule,), default=(default,)))
    assert bot.asked("a cat") == default.model
    decision = bot.decision()
    assert (decision.because, decision.notes) == ("default", ("nothing-usable:cats",))
    assert [one.target for one in decision.skipped] == [keyless]


def test_rules_hold_in_anthropics_format_too(data_plane: DataPlane) -> None:
    matched, default = target("anthropic"), target("custom")
    when = Conditions(thinking=True, tool_names=("bash",))
    rule = Rule(id="agents", when=when, steps=(matched,))
    bot = routed(data_plane, Function(rules=(rule,), default=(default,)))
    tool = {"name": "bash", "input_schema": {"type": "object"}}
    thinking = {"type": "enabled", "budget_tokens": 1024}
    answer = bot.ask(tail="v1/messages", tools=[tool], thinking=thinking, max_tokens=2000)
    assert answer.headers["x-clawbot-model"] == matched.model
    assert bot.ask(tail="v1/messages").headers["x-clawbot-model"] == default.model


def test_no_word_of_the_user_stands_in_the_record(data_plane: DataPlane) -> None:
    bot, matched, _ = ruled(data_plane, Conditions(keywords=("zebra",)))
    assert bot.asked("my secret zebra") == matched
    kept = str(bot.admitted().routing)
    assert "zebra" not in kept
    assert "secret" not in kept
