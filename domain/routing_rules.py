"""Whether a rule's conditions hold of a request, and how hard a request is.

A question about the words that nobody answered (a call of the past, under a policy of
today) counts as answered no; `unanswered` says when that was so.
"""

from __future__ import annotations

from collections.abc import Container
from itertools import chain

from domain.routing_facts import Answers, RequestFacts, RequestWords
from domain.routing_policy import CapabilityTag, Conditions, Level, RoutingShelf
from domain.routing_words import (
    answers_to,
    question_id,
    questions_of,
    questions_of_tags,
)

_LONG, _LONGER = 300, 1500  # characters of the user's last words
_MANY_TOKENS, _MANY_MESSAGES, _SEVERAL = 30_000, 20, 3
_MEDIUM_FROM, _COMPLEX_FROM = 2, 4  # points
_LONGEST_ANSWER = 200  # characters of a classifier's answer


def holds(
    when: Conditions, facts: RequestFacts, answers: Answers, shelf: RoutingShelf
) -> bool:
    """Whether everything that is set holds."""
    if not _as_set(when, facts) or not _within(when, facts):
        return False
    if when.formats and facts.format not in when.formats:
        return False
    if when.capabilities and not any(
        recognises(shelf.tags.get(name), facts, answers) for name in when.capabilities
    ):
        return False
    return _said(when, answers)


def recognises(tag: CapabilityTag | None, facts: RequestFacts, answers: Answers) -> bool:
    """Whether the tag knows the request for one of its kind."""
    if tag is None or tag.detect is None:
        return False
    return holds(tag.detect, facts, answers, RoutingShelf())


def recognised(
    shelf: RoutingShelf, facts: RequestFacts, words: RequestWords
) -> tuple[str, ...]:
    """The tags that know the request for one of their kind, by priority."""
    tags = sorted(shelf.tags.values(), key=lambda tag: (-tag.priority, tag.id))
    return tuple(
        tag.id
        for tag in tags
        if tag.detect is not None
        and recognises(tag, facts, answers_to(questions_of(tag.detect), words))
    )


def unanswered(when: Conditions, known: Container[str], shelf: RoutingShelf) -> bool:
    """Whether it, or a tag that it names, asks about the words what is not known."""
    of_tags = questions_of_tags(when.capabilities, shelf)
    asked = chain(questions_of(when), of_tags)
    return any(question_id(*question) not in known for question in asked)


def _as_set(when: Conditions, facts: RequestFacts) -> bool:
    asked = (
        (when.tools, facts.tools > 0),
        (when.images, facts.images > 0),
        (when.thinking, facts.thinking),
        (when.cache_control, facts.cache_control),
        (when.streaming, facts.streaming),
    )
    return all(wanted is None or wanted is found for wanted, found in asked)


def _within(when: Conditions, facts: RequestFacts) -> bool:
    ranges = (
        (when.min_chars, facts.chars, when.max_chars),
        (when.min_input_tokens, facts.input_tokens, when.max_input_tokens),
    )
    return all(
        (least is None or least <= value) and (most is None or value <= most)
        for least, value, most in ranges
    )


def _said(when: Conditions, answers: Answers) -> bool:
    """Keywords and patterns are one list of signs; names of tools are another."""
    words = [question_id("keyword", value) for value in when.keywords]
    words += [question_id("pattern", value) for value in when.patterns]
    tools = [question_id("tool", value) for value in when.tool_names]
    return all(
        not asked or any(name in answers.yes for name in asked) for asked in (words, tools)
    )


def level_of(facts: RequestFacts) -> Level:
    """How hard the request looks, by its facts alone: no call is made."""
    points = (
        (facts.chars > _LONG)
        + (facts.chars > _LONGER)
        + (facts.code_blocks > 0)
        + (facts.code_blocks >= _SEVERAL)
        + min(facts.hard_words, _SEVERAL)
        + (facts.questions >= _SEVERAL)
        + 2 * facts.thinking
        + (facts.images > 0)
        + (facts.messages > _MANY_MESSAGES)
        + (facts.input_tokens > _MANY_TOKENS)
    )
    if points < _MEDIUM_FROM:
        return Level.SIMPLE
    return Level.MEDIUM if points < _COMPLEX_FROM else Level.COMPLEX


def level_said(answer: str | None) -> Level | None:
    """The level that a classifier's answer is; None if it is anything but that one word."""
    word = (answer or "")[:_LONGEST_ANSWER].strip(" \t\r\n.,:;!\"'`*").casefold()
    return next((level for level in Level if level.value == word), None)
