"""What routing decided for one call and why, and the record that the call's event keeps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal
from uuid import UUID

from domain.routing_facts import Answers, BotModels, RequestFacts, TargetState, Turn
from domain.routing_policy import Mode, Retry, RouteTarget, Trigger

Chose = Mode | Literal["primary", "model", "chain"]
"""Who chose: a policy of that mode; without one the bot's primary model; or the request
itself, which named a model or a fallback chain."""


class Why(StrEnum):
    """Why a candidate has its place."""

    ONLY = "only-target"
    TURN = "its-turn"
    WEIGHT = "by-weight"
    FASTER = "faster-of-two"
    FIRST = "first-usable-step"
    SCORE = "by-score"
    RESERVE = "reserve"  # after the ones before it have failed
    STRAINED = "overloaded-lately"


class WhyNot(StrEnum):
    """Why a target is no candidate."""

    UNKNOWN_VENDOR = "unknown-vendor"
    OTHER_FORMAT = "no-endpoint-of-the-format"
    OTHER_PROTOCOL = "step-is-for-another-protocol"
    OTHER_KIND = "model-makes-something-else"
    NO_KEY = "no-usable-key"
    COOLING = "all-keys-cooling"
    SAME = "keys-serve-another-target"
    NO_PRICE = "price-unknown"
    TOO_EXPENSIVE = "over-the-cost-limit"
    TOO_SLOW = "over-the-latency-limit"
    TOO_WEAK = "under-the-capability-limit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A target that may serve the call, and the keys to try there, in order."""

    target: RouteTarget
    keys: tuple[UUID, ...]
    why: Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """A target that may not serve the call."""

    target: RouteTarget
    why: WhyNot


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """The candidates in the order to try them, and all that explains it.

    `because` is the id of the rule, chain, strategy or level. Without a candidate the call
    is refused; if some target only waits for its keys to cool, for that reason.
    """

    chose: Chose
    because: str | None = None
    candidates: tuple[Candidate, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()  # what did not go as the policy says, such as a classifier
    trigger: Trigger | None = None  # None: what the proxy goes on for anyway
    retry: Retry | None = None

    @property
    def all_cooling(self) -> bool:
        """Whether nothing is wrong but that keys have to cool."""
        return not self.candidates and any(
            skipped.why is WhyNot.COOLING for skipped in self.skipped
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """A target as it stood when the decision was made."""

    target: RouteTarget
    state: TargetState


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutingRecord:
    """A decision and everything it followed from: `CallAdmitted.routing`.

    The policy itself is the one of that version in the bot's stream, and the shelf the
    team's at `shelf_version`, over the built-in entries of `built_in`.
    """

    policy_version: int  # 0: the bot has no policy
    shelf_version: int
    built_in: str
    facts: RequestFacts
    answers: Answers
    turn: Turn
    bot_models: BotModels
    weighed: tuple[Weighed, ...]
    decision: Decision
