"""By difficulty: the heuristic, or a classifier, whose answer is a word or nothing."""

from __future__ import annotations

import time

import pytest

from domain.calls import CallAdmitted, CallRefused, CallSettled
from domain.quota_events import Metric, Scope, ScopeKind
from domain.routing_policy import Complexity, Level, RouteTarget
from tests.journeys.data_plane import NOWHERE
from tests.journeys.plane import DataPlane
from tests.proxy.routes import Routed, routed, target
from tests.proxy.test_budgets import limit

EASY = "What time is it in Rome?"
HARD = (
    "Prove step by step that the algorithm is optimal, analyse its complexity, and "
    "refactor this:\n```py\nx\n```\n" + "Then explain why. " * 100
)


def by_level(
    plane: DataPlane, classifier: RouteTarget | None = None
) -> tuple[Routed, dict[str, Level]]:
    """A bot with a model for each level, and which is for which."""
    simple, medium, hard = target(), target("google"), target("custom")
    policy = Complexity(
        simple=(simple,), medium=(medium,), complex=(hard,), classifier=classifier
    )
    levels = {
        simple.model: Level.SIMPLE,
        medium.model: Level.MEDIUM,
        hard.model: Level.COMPLEX,
    }
    return routed(plane, policy), levels


def saying(word: str, vendor: str = "anthropic") -> RouteTarget:
    return target(vendor, f"+say={word}")


def served_level(bot: Routed, levels: dict[str, Level], text: str) -> Level:
    return levels[bot.asked(text)]


def test_the_heuristic_tells_easy_from_hard_and_asks_nobody(data_plane: DataPlane) -> None:
    bot, levels = by_level(data_plane)
    assert served_level(bot, levels, EASY) is Level.SIMPLE
    assert served_level(bot, levels, HARD) is Level.COMPLEX
    admitted = [e for e in data_plane.events(bot.bot) if isinstance(e.event, CallAdmitted)]
    assert len(admitted) == 2  # and no call beside them


@pytest.mark.parametrize("level", list(Level))
@pytest.mark.parametrize("vendor", ["anthropic", "openai", "google", "ollama"])
def test_what_the_classifier_says_holds(
    data_plane: DataPlane, level: Level, vendor: str
) -> None:
    bot, levels = by_level(data_plane, saying(level.value, vendor))
    assert served_level(bot, levels, EASY) is level


def test_a_classifier_that_thinks_first_has_room_for_its_word(
    data_plane: DataPlane,
) -> None:
    thinking = target("openai", "+reasoning=300+say=complex")
    bot, levels = by_level(data_plane, thinking)
    assert served_level(bot, levels, EASY) is Level.COMPLEX


@pytest.mark.parametrize("place", ["x-goog-api-key", "x-api-key", "api-key", "?key="])
def test_the_classifier_is_asked_wherever_the_token_stands(
    data_plane: DataPlane, place: str
) -> None:
    bot, levels = by_level(data_plane, saying("complex"))
    token = bot.bot.token
    answer = data_plane.client.post(
        f"{data_plane.url}/auto/chat/completions",
        json={"model": "auto", "messages": [{"role": "user", "content": EASY}]},
        params={"key": token} if place == "?key=" else {},
        headers={} if place == "?key=" else {place: token},
    )
    assert answer.status_code == 200, answer.text
    assert levels[answer.headers["x-clawbot-model"]] is Level.COMPLEX


def test_the_classifiers_call_is_the_bots_own_and_metered(data_plane: DataPlane) -> None:
    classifier = saying("complex")
    bot, levels = by_level(data_plane, classifier)
    assert served_level(bot, levels, EASY) is Level.COMPLEX
    ended = [e.event for e in data_plane.events(bot.bot) if type(e.event) is CallSettled]
    asked, served = ended
    assert asked.facts.requested_model == classifier.model
    assert asked.facts.bot_id == bot.bot.bot_id
    assert asked.facts.provider_key_id == bot.keys["anthropic"]
    (booked,) = data_plane.ledger(classifier.model)
    assert asked.usage.input_tokens == booked["input_tokens"]
    assert asked.usage.output_tokens == booked["output_tokens"] == 2
    assert served.facts.requested_model in levels
    admitted = [
        e.event for e in data_plane.events(bot.bot) if type(e.event) is CallAdmitted
    ]
    assert [one.routing is None for one in admitted] == [True, False]


@pytest.mark.parametrize(
    "classifier",
    [
        saying("banana"),
        target("anthropic", "+status=500"),
        target("anthropic", "+status=400"),
        target("anthropic", "+tokens=500"),  # it chats
        target("anthropic", "+big=200000"),
        target("anthropic", "+cut"),
    ],
)
def test_of_a_classifier_that_fails_or_lies_the_heuristic_holds(
    data_plane: DataPlane, classifier: RouteTarget
) -> None:
    bot, levels = by_level(data_plane, classifier)
    assert served_level(bot, levels, EASY) is Level.SIMPLE
    admitted = [
        e.event for e in data_plane.events(bot.bot) if type(e.event) is CallAdmitted
    ]
    assert admitted[0].facts.requested_model == classifier.model
    notes = (admitted[1].routing or {})["decision"]["notes"]
    assert notes == ["classifier-without-answer"]


def test_a_classifier_that_is_away_holds_nobody_up(data_plane: DataPlane) -> None:
    simple = target()
    policy = Complexity(
        simple=(simple,), medium=(simple,), complex=(simple,), classifier=saying("medium")
    )
    bot = routed(data_plane, policy, origins={"anthropic": NOWHERE})
    assert bot.asked(EASY) == simple.model


def test_a_slow_classifier_is_waited_for_five_seconds_and_still_settled(
    data_plane: DataPlane,
) -> None:
    bot, levels = by_level(data_plane, target("anthropic", "+slow=9000+say=complex"))
    began = time.monotonic()
    assert served_level(bot, levels, EASY) is Level.SIMPLE
    assert 4.9 < time.monotonic() - began < 7
    data_plane.ended(bot.bot, 2)
    ends = [e.event for e in data_plane.events(bot.bot) if type(e.event) is CallSettled]
    assert sorted(end.error or "" for end in ends) == ["", "given-up"]


def test_a_classifier_without_a_budget_is_not_asked(data_plane: DataPlane) -> None:
    classifier = saying("complex")
    bot, levels = by_level(data_plane, classifier)
    scope = Scope(kind=ScopeKind.MODEL, id=classifier.model)
    limit(data_plane, bot.bot, 0, Metric.REQUESTS, scope=scope)
    assert served_level(bot, levels, EASY) is Level.SIMPLE
    assert data_plane.ledger(classifier.model) == []
    assert data_plane.only(bot.bot, CallRefused).code == "quota-exceeded"


def test_the_classifier_is_not_asked_where_the_request_chooses_itself(
    data_plane: DataPlane,
) -> None:
    classifier = saying("complex")
    bot, levels = by_level(data_plane, classifier)
    named = next(iter(levels))
    assert bot.ask(named).headers["x-clawbot-model"] == named
    assert data_plane.ledger(classifier.model) == []


def test_the_classifier_is_not_asked_about_nothing(data_plane: DataPlane) -> None:
    classifier = saying("complex")
    bot, levels = by_level(data_plane, classifier)
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    messages = [{"role": "user", "content": [picture]}]
    served = bot.ask(messages=messages).headers["x-clawbot-model"]
    assert levels[served] is Level.SIMPLE
    assert data_plane.ledger(classifier.model) == []


@pytest.mark.parametrize("tail", ["embeddings", "v1/messages/count_tokens"])
def test_the_classifier_is_not_asked_where_nothing_is_to_be_written(
    data_plane: DataPlane, tail: str
) -> None:
    classifier, there = saying("complex"), target("custom")
    policy = Complexity(
        simple=(there,), medium=(there,), complex=(there,), classifier=classifier
    )
    bot = routed(data_plane, policy)
    assert bot.ask(tail=tail).headers["x-clawbot-model"] == there.model
    assert data_plane.ledger(classifier.model) == []


def test_where_a_levels_models_cannot_serve_the_next_level_does(
    data_plane: DataPlane,
) -> None:
    keyless, medium = target("openai", tag="nobody-has-it"), target("google")
    policy = Complexity(simple=(keyless,), medium=(medium,), complex=(keyless,))
    bot = routed(data_plane, policy)
    assert bot.asked(EASY) == medium.model
    assert bot.decision().because == "medium"
    assert bot.decision().notes == ("nothing-usable:simple",)
