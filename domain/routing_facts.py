"""What routing knows when it decides: of the request, of the bot, of each target.

Facts hold no word of anybody's: they stand in the call's event. Questions about the text
(keywords, patterns, names of tools) are answered once, when the request is at hand, and the
answers are kept under the question's short hash (`Answers`). So a decision can be made
again from its record, to the letter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from domain.routing_policy import Kind, Level, RouteTarget
from domain.vendors import Format


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestWords:
    """What was written, for as long as the request is at hand; never recorded."""

    text: str = ""  # the user's last words, without what an agent put around them
    tool_names: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestFacts:
    """A request, in numbers."""

    format: Format
    requested_model: str | None = None
    chars: int = 0  # of the user's last words
    input_tokens: int = 0  # of the whole request, estimated
    max_output_tokens: int | None = None  # as the request limits them
    messages: int = 0
    tools: int = 0
    images: int = 0
    thinking: bool = False
    cache_control: bool = False
    streaming: bool = False
    code_blocks: int = 0  # in the user's last words, like the two below
    hard_words: int = 0  # such as "prove" or "step by step"
    questions: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answers:
    """What was found out about a request beside its facts."""

    yes: tuple[str, ...] = ()  # short hashes of the questions about its words
    no: tuple[str, ...] = ()
    level: Level | None = None  # as the classifier said; None: not asked, or no answer


NO_ANSWERS = Answers()


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """Whose turn it is.

    `count` goes up by one with every call that the process routes for the bot in that
    format, but for those that only count tokens, from a random start; `dice` is the call's
    own random number.
    """

    count: int
    dice: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Abilities:
    """What a model is good at, each from 0 to 100."""

    reasoning: int = 50
    coding: int = 50
    creativity: int = 50
    speed: int = 50
    multimodal: int = 0
    long_context: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetState:
    """How a target stands, for one call in one format."""

    known: bool = True  # the vendor is in the catalog
    speaks: bool = True  # and has an endpoint of the format
    keys: tuple[UUID, ...] = ()  # that may serve the call now, in the order to try them
    cooling: int = 0  # keys that could, but not yet
    strained: bool = False  # overloaded lately: rather after the others
    kind: Kind | None = None  # what its model makes; None: nobody knows
    latency_ms: int | None = None  # to the first byte, as measured lately
    input_price: int | None = None  # micro-dollars for a million tokens
    output_price: int | None = None
    abilities: Abilities | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BotModels:
    """What the bot's provider links name.

    `left_open` is the model that was asked for at the vendors of links for all models.
    """

    primary: RouteTarget | None = None
    named: tuple[RouteTarget, ...] = ()
    left_open: tuple[RouteTarget, ...] = ()


States = Mapping[RouteTarget, TargetState]
