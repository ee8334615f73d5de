"""Which path is which vendor's, and what answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from adapters.simulator.dialects import cohere, dashscope, media, ollama, single
from adapters.simulator.dialects.anthropic_messages import AnthropicMessages
from adapters.simulator.dialects.gemini import Gemini
from adapters.simulator.dialects.openai_chat import OpenAIChat
from adapters.simulator.dialects.openai_responses import OpenAIResponses
from adapters.simulator.dialects.vendors import (
    ANTHROPIC,
    COHERE,
    DASHSCOPE,
    GEMINI,
    OLLAMA,
    OPENAI,
    Vendor,
)
from adapters.simulator.rendering import Dialect

Single = Callable[[bytes], tuple[str, single.Whole]]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers: a dialect, something that is never streamed, or (None) nothing."""

    vendor: Vendor
    format: str  # its key in the list of vendors
    answers: Dialect | Single | None
    id_prefix: str = "req_"  # of an answer's id; where it has none, of its request's
    metered: bool = True
    model: str = ""  # where the path names it
    array: bool = False  # errors come as a JSON array too


CHAT = Route(OPENAI, "openai-chat", OpenAIChat(), "chatcmpl-")
RESPONSES = Route(OPENAI, "openai-responses", OpenAIResponses(), "resp_")
EMBEDDINGS = Route(OPENAI, "openai-embeddings", single.openai_embeddings)
MESSAGES = Route(ANTHROPIC, "anthropic-messages", AnthropicMessages(), "msg_")
COUNT = Route(ANTHROPIC, "count-tokens", single.anthropic_count, metered=False)
MODELS = Route(OPENAI, "models", single.openai_models, metered=False)
ANTHROPIC_MODELS = Route(ANTHROPIC, "models", single.anthropic_models, metered=False)
GEMINI_MODELS = Route(GEMINI, "models", single.gemini_models, metered=False)
GEMINI_METHODS = {
    "generateContent": Route(GEMINI, "gemini", Gemini(stream=False), ""),
    "streamGenerateContent": Route(GEMINI, "gemini", Gemini(stream=True), ""),
    "embedContent": Route(GEMINI, "gemini", single.gemini_embedding),
    "batchEmbedContents": Route(GEMINI, "gemini", single.gemini_embeddings),
    "countTokens": Route(GEMINI, "count-tokens", single.gemini_count, metered=False),
}
# Answers to a WebSocket only.
REALTIME = Route(OPENAI, "openai-realtime", None, "sess_")
AS_ARRAY = Route(GEMINI, "gemini", Gemini(stream=True, array=True), "", array=True)

SERVICES = "/api/v1/services"
DASHSCOPE_PLAIN = Route(
    DASHSCOPE, "dashscope-native", dashscope.DashScope(stream=False), ""
)
DASHSCOPE_STREAM = replace(DASHSCOPE_PLAIN, answers=dashscope.DashScope(stream=True))
MEDIA: dict[str, Single] = {
    "images/generations": media.generated,
    "images/edits": media.edited,
    "audio/transcriptions": media.transcribed,
    "audio/speech": media.spoken,
}
# A custom vendor's base may hold the v1; Google, Groq and Azure, Azure's older way, Cohere.
OPENAI_BASES = ("/v1", "", "/v1beta/openai", "/openai/v1", "/openai", "/compatibility/v1")
POSTS: dict[str, Route] = {
    "/v1/messages": MESSAGES,
    "/v1/messages/count_tokens": COUNT,
    "/anthropic/v1/messages": MESSAGES,
    "/v2/chat": Route(COHERE, "cohere-v2", cohere.CohereChat(), ""),
    "/v2/embed": Route(COHERE, "cohere-v2", cohere.embed),
    f"{SERVICES}/aigc/text-generation/generation": DASHSCOPE_PLAIN,
    f"{SERVICES}/aigc/multimodal-generation/generation": DASHSCOPE_PLAIN,
    f"{SERVICES}/embeddings/text-embedding/text-embedding": Route(
        DASHSCOPE, "dashscope-native", dashscope.embed
    ),
    "/api/chat": Route(OLLAMA, "ollama", ollama.Ollama(chat=True)),
    "/api/generate": Route(OLLAMA, "ollama", ollama.Ollama(chat=False)),
    "/api/embed": Route(OLLAMA, "ollama", ollama.embed),
    **{f"{base}/chat/completions": CHAT for base in OPENAI_BASES},
    **{f"{base}/responses": RESPONSES for base in OPENAI_BASES},
    **{f"{base}/embeddings": EMBEDDINGS for base in OPENAI_BASES},
    **{
        f"{base}/{tail}": Route(OPENAI, f"openai-{tail.partition('/')[0]}", answers)
        for base in OPENAI_BASES
        for tail, answers in MEDIA.items()
    },
}
GEMINI_PATH = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^/:]+):(?P<method>\w+)")
TAGS = Route(OLLAMA, "models", ollama.tags, metered=False)
DEPLOYMENT = re.compile(r"/openai/deployments/[^/]+(?P<rest>/.+)")
GEMINI_LISTS = frozenset({"/v1beta/models", "/v1alpha/models"})
REALTIME_PATHS = frozenset(f"{base}/realtime" for base in OPENAI_BASES)
OPENAI_LISTS = frozenset(f"{base}/models" for base in OPENAI_BASES)


def route_of(method: bytes, path: str, query: bytes, headers: dict[bytes, bytes]) -> Route:
    """The route of a vendor's call; one that leads nowhere where no vendor has anything."""
    route = None
    if method == b"POST":
        route = POSTS.get(path) or _gemini_route(path, query) or _azure_route(path, query)
        if route is DASHSCOPE_PLAIN and headers.get(b"x-dashscope-sse") == b"enable":
            route = DASHSCOPE_STREAM
    elif method == b"GET" and path == "/api/tags":
        route = TAGS
    elif method == b"GET" and path in GEMINI_LISTS:
        route = GEMINI_MODELS
    elif method == b"GET" and path in OPENAI_LISTS:
        route = _models_route(headers)
    return route or Route(_vendor_of(path, headers), "unknown", None, metered=False)


def _vendor_of(path: str, headers: dict[bytes, bytes]) -> Vendor:
    """Whose error shape a call to nowhere gets."""
    if path.startswith("/v2/"):
        return COHERE
    if path.startswith(SERVICES):
        return DASHSCOPE
    if path.startswith("/api/"):
        return OLLAMA
    if path.startswith("/v1/messages") or b"anthropic-version" in headers:
        return ANTHROPIC
    gemini = (
        path.startswith(("/v1beta/models", "/v1alpha/")) or b"x-goog-api-key" in headers
    )
    return GEMINI if gemini else OPENAI


def _models_route(headers: dict[bytes, bytes]) -> Route:
    """All three vendors list their models at one path; the headers tell them apart."""
    if b"x-goog-api-key" in headers:
        return GEMINI_MODELS
    anthropic = b"anthropic-version" in headers or b"x-api-key" in headers
    return ANTHROPIC_MODELS if anthropic else MODELS


def _azure_route(path: str, query: bytes) -> Route | None:
    """Azure's older way: a deployment in the path, and no answer without an api-version."""
    found = DEPLOYMENT.fullmatch(path)
    route = POSTS.get(f"/openai{found['rest']}") if found else None
    if found is None or route is None or b"api-version=" not in query:
        return None
    return route


def _gemini_route(path: str, query: bytes) -> Route | None:
    found = GEMINI_PATH.fullmatch(path)
    route = GEMINI_METHODS.get(found["method"]) if found else None
    if found is None or route is None:
        return None
    if found["method"] == "streamGenerateContent" and b"alt=sse" not in query.split(b"&"):
        route = AS_ARRAY
    return replace(route, model=found["model"])
