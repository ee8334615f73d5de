"""Reads along in a vendor's answer while it is relayed: what it charged, how it ended.

`reader_for` chooses by the answer's own content type, not by what was asked for: an answer
to a stream request may be plain JSON. Whatever a vendor sends, a reader never raises and
never holds more than one event or one body; at worst it has read nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from proxy.usage.anthropic_messages import AnthropicMessages
from proxy.usage.cohere import CohereV2
from proxy.usage.dashscope import DashScope
from proxy.usage.embeddings import OpenAiEmbeddings
from proxy.usage.errors import Failure
from proxy.usage.framing import BODY_CAP, EVENT_CAP, IMAGE_CAP, EventStream, WholeBody
from proxy.usage.gemini import Gemini
from proxy.usage.gemini_interactions import GeminiInteractions
from proxy.usage.json_array import ArrayOrBody
from proxy.usage.json_lines import JsonLines
from proxy.usage.ollama import Ollama
from proxy.usage.openai_audio import OpenAiAudio
from proxy.usage.openai_chat import OpenAiChat
from proxy.usage.openai_images import OpenAiImages
from proxy.usage.openai_responses import OpenAiResponses
from proxy.usage.reading import ErrorSeen, Reading, Tally, Uncounted, UsageReader

__all__ = ["ErrorSeen", "Reading", "UsageReader", "reader_for"]

SUCCESS = 2  # hundred

TALLIES: Mapping[str | None, type[Tally]] = MappingProxyType(
    {
        "openai-chat": OpenAiChat,
        "openai-responses": OpenAiResponses,
        "openai-embeddings": OpenAiEmbeddings,
        "openai-images": OpenAiImages,
        "openai-audio": OpenAiAudio,
        "anthropic-messages": AnthropicMessages,
        "gemini": Gemini,
        "gemini-interactions": GeminiInteractions,
        "cohere-v2": CohereV2,
        "ollama": Ollama,
        "dashscope-native": DashScope,
    }
)
# An event of theirs may hold a whole picture, and the usage beside it.
PICTURED = frozenset({OpenAiImages, OpenAiResponses, Gemini, GeminiInteractions})
EVENTS, JSON = "text/event-stream", "application/json"
USUAL = frozenset({EVENTS, JSON})
LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
MEDIA = ("audio/", "image/", "video/")


def reader_for(
    format: str | None,  # noqa: A002
    *,
    content_type: str,
    status: int,
    requested_model: str | None,
) -> UsageReader:
    """A new reader for one answer; of an unknown format it reads errors only."""
    kind = content_type
    if kind not in USUAL:
        kind = kind.partition(";")[0].strip().lower()
    succeeded = status // 100 == SUCCESS
    counting = TALLIES.get(format, Uncounted) if succeeded else Failure
    tally = counting()
    if kind == EVENTS:
        cap = IMAGE_CAP if counting in PICTURED else EVENT_CAP
        return EventStream(tally, requested_model, cap=cap)
    if counting is Gemini:
        return ArrayOrBody(tally, requested_model)
    if kind == JSON and succeeded:
        return WholeBody(tally, requested_model)
    if kind in LINES and succeeded:
        return JsonLines(tally, requested_model)
    cap = BODY_CAP if succeeded else EVENT_CAP
    return WholeBody(tally, requested_model, cap=0 if kind.startswith(MEDIA) else cap)
