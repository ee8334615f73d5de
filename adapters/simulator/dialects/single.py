"""What is never streamed: embeddings, token counts, lists of models."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from struct import Struct
from typing import Annotated, Any, Literal

import msgspec

from adapters.simulator.counting import tokens_of
from adapters.simulator.dialects import anthropic_messages, gemini
from adapters.simulator.dialects.vendors import encode
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import Refusal, Rendered

Dimensions = Annotated[int, msgspec.Meta(ge=1, le=4096)]
USUAL_DIMENSIONS = 8
OPENAI_MODELS = ("gpt-5-mini", "gpt-5", "text-embedding-3-small")
ANTHROPIC_MODELS = ("claude-sonnet-4-5", "claude-haiku-4-5")
GEMINI_MODELS = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-embedding-001")
FIRST_DAY = 1_735_689_600  # when every model here was made: 2025-01-01


class EmbeddingsRequest(msgspec.Struct):
    model: str
    input: str | Annotated[list[str | int | list[int]], msgspec.Meta(min_length=1)]
    encoding_format: Literal["float", "base64"] | None = "float"
    dimensions: Dimensions | None = None

    def texts(self) -> list[str | list[int]]:
        """What is to be embedded, one by one; a list of numbers is one text's tokens."""
        if isinstance(self.input, str):
            return [self.input]
        texts: list[str | list[int]] = []
        numbers: list[int] = []
        for each in self.input:
            if isinstance(each, int):
                numbers.append(each)
            else:
                texts.append(each)
        return [numbers, *texts] if numbers else texts


class EmbedRequest(msgspec.Struct, rename="camel"):
    content: gemini.Content
    output_dimensionality: Dimensions | None = None


class BatchEmbedRequest(msgspec.Struct):
    requests: Annotated[list[EmbedRequest], msgspec.Meta(min_length=1)]


class CountTokensRequest(msgspec.Struct, rename="camel"):
    contents: list[gemini.Content] | None = None
    generate_content_request: gemini.GenerateRequest | None = None


embeddings_decoder = msgspec.json.Decoder(EmbeddingsRequest)
embed_decoder = msgspec.json.Decoder(EmbedRequest)
batch_decoder = msgspec.json.Decoder(BatchEmbedRequest)
count_decoder = msgspec.json.Decoder(CountTokensRequest)
prompt_decoder = msgspec.json.Decoder(anthropic_messages.Prompt)

Whole = Callable[[str, bool], Rendered]  # the model without directives, with usage?


def vector(text: str, dimensions: int | None) -> list[float]:
    """Numbers between -1 and 1 that depend on nothing but the text."""
    size = dimensions or USUAL_DIMENSIONS
    seed, block = text.encode(), b""
    while len(block) < size:
        seed = sha256(seed).digest()
        block += seed
    return [(byte - 127.5) / 127.5 for byte in block[:size]]


def openai_embeddings(body: bytes) -> tuple[str, Whole]:
    """`{"object": "list", "data": […]}`: one vector for each text."""
    request = embeddings_decoder.decode(body)
    texts = request.texts()
    counts = [len(text) if isinstance(text, list) else tokens_of(text) for text in texts]
    usage = Usage(sum(counts), 0)

    def answer(model: str, with_usage: bool) -> Rendered:  # noqa: FBT001  # a Whole
        data: list[dict[str, Any]] = []
        for index, text in enumerate(texts):
            values: list[float] | str = vector(str(text), request.dimensions)
            if request.encoding_format == "base64":
                packed = Struct(f"<{len(values)}f").pack(*values)
                values = b64encode(packed).decode()
            data.append({"object": "embedding", "index": index, "embedding": values})
        shown: dict[str, Any] = {"object": "list", "data": data, "model": model}
        shown["id"] = "embd-simulator"  # which only Mistral has, and its SDK needs
        if with_usage:
            shown["usage"] = {"prompt_tokens": usage.input, "total_tokens": usage.input}
        return metered(shown, usage, with_usage=with_usage)

    return request.model, answer


def gemini_embedding(body: bytes) -> tuple[str, Whole]:
    """`{"embedding": {"values": […]}}` for one content."""
    request = embed_decoder.decode(body)
    return "", _gemini_embeddings([request], single=True)


def gemini_embeddings(body: bytes) -> tuple[str, Whole]:
    """`{"embeddings": […]}` for each content: what the SDK asks for."""
    return "", _gemini_embeddings(batch_decoder.decode(body).requests, single=False)


def _gemini_embeddings(requests: list[EmbedRequest], *, single: bool) -> Whole:
    texts = [" ".join(request.content.texts()) for request in requests]
    usage = Usage(sum(map(tokens_of, texts)), 0)

    def answer(_model: str, with_usage: bool) -> Rendered:  # noqa: FBT001  # a Whole
        vectors = [
            {"values": vector(text, request.output_dimensionality)}
            for text, request in zip(texts, requests, strict=True)
        ]
        shown: dict[str, Any] = {"embeddings": vectors}
        if single:
            shown = {"embedding": vectors[0]}
        if with_usage:
            detail = {"modality": "TEXT", "tokenCount": usage.input}
            counts = {"promptTokenCount": usage.input, "promptTokenDetails": [detail]}
            shown["usageMetadata"] = counts
        return metered(shown, usage, with_usage=with_usage)

    return answer


def anthropic_count(body: bytes) -> tuple[str, Whole]:
    """`{"input_tokens": n}`, free of charge."""
    request = prompt_decoder.decode(body)
    return request.model, lambda _model, _usage: free({"input_tokens": request.tokens()})


def gemini_count(body: bytes) -> tuple[str, Whole]:
    """`{"totalTokens": n}`, free of charge."""
    request = count_decoder.decode(body)
    prompt = request.generate_content_request
    if prompt is None and request.contents is None:
        raise Refusal(400, "contents is not specified")
    if prompt is None:
        prompt = gemini.GenerateRequest(contents=request.contents or [])
    tokens = prompt.tokens()
    return "", lambda _model, _usage: free({"totalTokens": tokens})


def openai_models(_body: bytes) -> tuple[str, Whole]:
    """The models, in OpenAI's list shape."""
    data = [
        {"id": name, "object": "model", "created": FIRST_DAY, "owned_by": "simulator"}
        for name in OPENAI_MODELS
    ]
    return "", lambda _model, _usage: free({"object": "list", "data": data})


def anthropic_models(_body: bytes) -> tuple[str, Whole]:
    """The models, in Anthropic's list shape."""
    made = {"created_at": "2025-01-01T00:00:00Z", "lifecycle": "active"}
    data = [
        {"type": "model", "id": name, "display_name": name, **made}
        for name in ANTHROPIC_MODELS
    ]
    ends = {"first_id": ANTHROPIC_MODELS[0], "last_id": ANTHROPIC_MODELS[-1]}
    return "", lambda _model, _usage: free({"data": data, "has_more": False, **ends})


def gemini_models(_body: bytes) -> tuple[str, Whole]:
    """The models, in Gemini's list shape."""
    limits = {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
    methods = ["generateContent", "countTokens", "embedContent"]
    models = [
        {
            "name": f"models/{name}",
            "version": "001",
            "displayName": name,
            **limits,
            "supportedGenerationMethods": methods,
        }
        for name in GEMINI_MODELS
    ]
    return "", lambda _model, _usage: free({"models": models})


def metered(shown: dict[str, Any], usage: Usage, *, with_usage: bool) -> Rendered:
    """An answer the vendor charges for."""
    stated = [(1, usage)] if with_usage else []
    return Rendered([encode(shown)], usage, statements=stated)


def free(shown: dict[str, Any]) -> Rendered:
    """An answer the vendor charges nothing for."""
    return Rendered([encode(shown)], None)
