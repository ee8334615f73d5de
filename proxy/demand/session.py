"""What one response of a realtime session may read and write at most, by its model.

A response reads all of the conversation, so it is bounded by what the model holds at once.
Sources, as of 2026: OpenAI's pages of its models and its "Developer notes on the Realtime
API": gpt-realtime 32,768 tokens with at most 4,096 of output in them; gpt-realtime-2
128,000 and 32,000; Microsoft has gpt-4o-realtime with 128,000 and 4,096. Of a model that is
not known here it is the largest.
"""

from __future__ import annotations

import re

_FIRST = re.compile(r"gpt-realtime(-mini|-1\.5)?(-20\d\d-\d\d-\d\d)?$")
_GPT_4O = re.compile(r"gpt-4o-(mini-)?realtime")
SMALL, LARGE = 32_768, 131_072
SHORT, LONG = 4_096, 32_000


def response_bound(model: str) -> tuple[int, int]:
    """Tokens of input and of output; `model` is its bare name."""
    if _FIRST.match(model):
        return SMALL - SHORT, SHORT
    if _GPT_4O.match(model):
        return LARGE - SHORT, SHORT
    return LARGE - LONG, LONG
