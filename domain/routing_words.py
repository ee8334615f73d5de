"""What routing asks about the words of a request, answered while they are at hand.

A question is a keyword, a pattern or a name of a tool in some rule. Its id is a short hash,
so that the answers can be recorded without the rule or the words. Counting (`measured`)
looks at no more than the words' first `LONGEST_WORDS` characters. What a policy itself may
ask is limited where it is written; of what the tags that it names ask together, the first
`MOST_OF_TAGS` questions are answered: tags may grow behind its back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Literal, NamedTuple

from domain.linear_patterns import compiled
from domain.routing_facts import NO_ANSWERS, Answers, RequestWords
from domain.routing_policy import Conditions, Function, RoutingPolicy, RoutingShelf

LONGEST_WORDS = 16 * 1024  # characters of the user's last words that are kept

# Signs of a request that needs thought, by stems: English, then Chinese.
HARD_WORDS = re.compile(
    r"\b(?:prove|proof|deriv|theorem|step by step|analy[sz]|architect|refactor|optimi[sz]"
    r"|debug|root cause|trade-?offs?|algorithm|complexity|concurren|design|compare"
    r"|evaluate|plan|strategy|implement|migrat|security|explain why)"
    r"|证明|推导|逐步|一步一步|分析|架构|重构|优化|调试|根因|权衡|算法|复杂度|并发|设计|比较|评估|规划|策略|实现|迁移|为什么",
    re.IGNORECASE,
)
MOST_COUNTED = 20
MOST_OF_TAGS = 500


class Measures(NamedTuple):
    """How the user's words look."""

    code_blocks: int
    hard_words: int
    questions: int


def measured(text: str) -> Measures:
    """The counts for `RequestFacts`, each up to `MOST_COUNTED`."""
    text = text[:LONGEST_WORDS]
    return Measures(
        code_blocks=min(text.count("```") // 2, MOST_COUNTED),
        hard_words=_some(HARD_WORDS.finditer(text)),
        questions=min(text.count("?") + text.count("？"), MOST_COUNTED),  # noqa: RUF001
    )


def _some(found: Iterator[re.Match[str]]) -> int:
    count = 0
    for _ in found:
        count += 1
        if count == MOST_COUNTED:
            break
    return count


Asks = Literal["keyword", "pattern", "tool"]


@lru_cache(maxsize=4096)
def question_id(asks: Asks, value: str) -> str:
    """How the question is called in `Answers`."""
    return sha256(f"{asks}:{value}".encode()).hexdigest()[:12]


def answered(
    policy: RoutingPolicy | None, shelf: RoutingShelf, words: RequestWords
) -> Answers:
    """The answers to all that the policy's rules ask about the words, each once."""
    if not isinstance(policy, Function):
        return NO_ANSWERS
    return answers_to(_questions(policy, shelf), words)


def answers_to(questions: Iterable[tuple[Asks, str]], words: RequestWords) -> Answers:
    """The answers to these questions, each once."""
    text = words.text.casefold()
    said: dict[str, bool] = {}
    for asks, value in questions:
        name = question_id(asks, value)
        if name not in said:
            said[name] = _answer(asks, value, words, text)
    yes = tuple(name for name, is_so in said.items() if is_so)
    no = tuple(name for name, is_so in said.items() if not is_so)
    return Answers(yes=yes, no=no)


def _answer(asks: Asks, value: str, words: RequestWords, text: str) -> bool:
    if asks == "keyword":
        return value.casefold() in text
    if asks == "pattern":
        return compiled(value).found_in(words.text)
    return any(fits(value, name) for name in words.tool_names)


def _questions(policy: Function, shelf: RoutingShelf) -> Iterable[tuple[Asks, str]]:
    for rule in policy.rules:
        yield from questions_of(rule.when)
    named = dict.fromkeys(name for rule in policy.rules for name in rule.when.capabilities)
    yield from islice(questions_of_tags(named, shelf), MOST_OF_TAGS)


def questions_of_tags(
    names: Iterable[str], shelf: RoutingShelf
) -> Iterator[tuple[Asks, str]]:
    """What the tags of these names ask about the words."""
    for name in names:
        tag = shelf.tags.get(name)
        if tag is not None and tag.detect is not None:
            yield from questions_of(tag.detect)


def questions_of(conditions: Conditions) -> Iterable[tuple[Asks, str]]:
    """What these conditions ask about the words."""
    yield from (("keyword", value) for value in conditions.keywords)
    yield from (("pattern", value) for value in conditions.patterns)
    yield from (("tool", value) for value in conditions.tool_names)


def fits(pattern: str, name: str) -> bool:
    """Whether the name is as the pattern says, whose stars stand for any characters."""
    first, *rest = pattern.casefold().split("*")
    name = name.casefold()
    if not rest:
        return name == first
    if not name.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(name) - at >= len(rest[-1]) and name.endswith(rest[-1])
