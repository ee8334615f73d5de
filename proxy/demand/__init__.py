"""What one call may use at most, read from its body before it is admitted.

A hold is made of it: `input_tokens` is a bound and no guess, since no token is less than
one byte of text. What the vendor reads beside the body (an earlier answer it stored, a file
by its id, what its own tools find) has no bound here: `bounded` says so, and a settlement
may then be more than was held.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from domain.prices import NO_OTHER
from domain.usage import UNWEIGHED, OtherUnits
from domain.vendors import Format
from proxy.demand.hidden import MAY_HOST, reasons_unseen, searches, uses_hosted_tools
from proxy.demand.media import BYTES_PER_TOKEN
from proxy.demand.output import (
    SAYS_HOW_MANY,
    choices_in,
    generates,
    output_limit_in,
    speaks_text,
)
from proxy.demand.prompt import prompt_bound
from proxy.demand.session import response_bound
from proxy.demand.shape import bare
from proxy.demand.units import AS_SET, SERVED_AS_SET, TIERED, units_in

__all__ = ["Demand", "demand_by_size", "demand_of"]


NO_TEXT = UNWEIGHED | {"openai-embeddings"}
CHATS: frozenset[Format] = frozenset({"openai-chat", "anthropic-messages"})
# A chat without any of these is one answer in text, by the model alone.
UNUSUAL = SAYS_HOW_MANY | MAY_HOST | TIERED


# Neither frozen nor by keyword alone: one is made for each call.
@dataclass(slots=True)
class Demand:
    """What a call asks for, in tokens, and by the piece."""

    input_tokens: int  # at most, while `bounded`
    output_limit: int | None  # of each choice, as the caller limits it; None: not said
    choices: int  # answers to one prompt, each of them charged
    visible: bool  # all that is charged as output can be counted as it streams
    bounded: bool  # all that is charged as input stands in the body
    units: OtherUnits = NO_OTHER  # at most, of what is charged by the piece


def demand_of(
    format: Format,  # noqa: A002
    body: bytes,
    *,
    streaming: bool,
    model: str | None,
) -> Demand:
    """What the body asks for, at most; a body that cannot be read counts by its bytes.

    So does a form, of whose bytes most are images or sound.
    `model` is the one that is asked for, wherever it is named; None where only the vendor
    knows (a deployment's name tells nothing), and then nothing passes for visible.
    Of a realtime session it is what one response asks for.
    """
    if format == "openai-realtime":
        into, out = response_bound(bare(model))
        return Demand(into, out, 1, visible=False, bounded=True)
    try:
        fields: Any = orjson.loads(body)
        if type(fields) is dict:
            return _demand(format, fields, bare(model), streaming=streaming)
    except (orjson.JSONEncodeError, ValueError, RecursionError, AttributeError):
        pass
    return demand_by_size(format, len(body))


def demand_by_size(format: Format, size: int) -> Demand:  # noqa: A002
    """What a body asks for of which no more is known than how long it is at most."""
    return Demand(
        input_tokens=size // (BYTES_PER_TOKEN if format in UNWEIGHED else 1),
        output_limit=None,
        choices=1,
        visible=False,
        bounded=False,
    )


def _demand(
    format: Format,  # noqa: A002
    fields: dict[str, Any],
    model: str,
    *,
    streaming: bool,
) -> Demand:
    tokens, whole = prompt_bound(format, fields, model)
    limit: int | None = 0
    if format in CHATS and UNUSUAL.isdisjoint(fields):
        choices, hosted, units = 1, searches(model), NO_OTHER
        if format in SERVED_AS_SET:
            units = AS_SET
        limit = output_limit_in(format, fields)
    else:
        choices, units = choices_in(fields), units_in(format, fields)
        hosted = uses_hosted_tools(format, fields, model)
        if generates(format, fields):
            limit = output_limit_in(format, fields)
    visible = (
        streaming
        and choices == 1
        and not hosted
        and model != ""
        and format not in NO_TEXT
        and speaks_text(fields)
        and not reasons_unseen(format, fields, model)
    )
    return Demand(tokens, limit, choices, visible, whole and not hosted, units)
