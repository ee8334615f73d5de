"""Reads along in a vendor's answer while it is relayed: what it charged, how it ended.

`reader_for` chooses by the answer's own content type, not by what was asked for: an answer
to a stream request may be plain JSON. Whatever a vendor sends, a reader never raises and
never holds more than one event or one body; at worst it has read nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.usage.anthropic_messages import AnthropicMessages
from proxy.usage.embeddings import OpenAiEmbeddings
from proxy.usage.errors import Failure
from proxy.usage.framing import EVENT_CAP, EventStream, WholeBody
from proxy.usage.gemini import Gemini
from proxy.usage.json_array import ArrayOrBody
from proxy.usage.openai_chat import OpenAiChat
from proxy.usage.openai_responses import OpenAiResponses
from proxy.usage.reading import ErrorSeen, Reading, Tally, Uncounted, UsageReader

__all__ = ["ErrorSeen", "Reading", "UsageReader", "reader_for"]

SUCCESS = 2  # hundred

TALLIES: Mapping[str | None, type[Tally]] = MappingProxyType(
    {
        "openai-chat": OpenAiChat,
        "openai-responses": OpenAiResponses,
        "openai-embeddings": OpenAiEmbeddings,
        "anthropic-messages": AnthropicMessages,
        "gemini": Gemini,
    }
)


def reader_for(
    format: str | None,  # noqa: A002
    *,
    content_type: str,
    status: int,
    requested_model: str | None,
) -> UsageReader:
    """A new reader for one answer; of an unknown format it reads errors only."""
    streamed = content_type.partition(";")[0].strip().lower() == "text/event-stream"
    if status // 100 != SUCCESS:
        failure = Failure()
        if streamed:
            return EventStream(failure, requested_model)
        return WholeBody(failure, requested_model, cap=EVENT_CAP)
    tally = TALLIES.get(format, Uncounted)()
    if streamed:
        return EventStream(tally, requested_model)
    if isinstance(tally, Gemini):
        return ArrayOrBody(tally, requested_model)
    return WholeBody(tally, requested_model)
