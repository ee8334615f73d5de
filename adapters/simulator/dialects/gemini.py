"""Gemini's generateContent and streamGenerateContent, as SSE and as a JSON array."""

from __future__ import annotations

from typing import Annotated

import msgspec

from adapters.simulator.counting import tokens_of, tokens_of_message
from adapters.simulator.dialects.openai_chat import AtLeastOne, Named
from adapters.simulator.dialects.vendors import encode, gemini_error
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import JSON, SSE, Answer, Asked, Refusal, Rendered

OVERLOADED = encode(gemini_error(Refusal(503, "The model is overloaded."), "", 0))


class Part(msgspec.Struct, rename="camel"):
    text: str = ""
    function_response: dict[str, msgspec.Raw] | None = None


class Content(msgspec.Struct):
    parts: list[Part] | None = None
    role: str | None = "user"

    def texts(self) -> tuple[str, ...]:
        """Its texts, in order."""
        return tuple(part.text for part in self.parts or ())


class GenerationConfig(msgspec.Struct, rename="camel"):
    max_output_tokens: AtLeastOne | None = None


class Tool(msgspec.Struct, rename="camel"):
    function_declarations: list[Named] | None = None


class GenerateRequest(msgspec.Struct, rename="camel"):
    contents: Annotated[list[Content], msgspec.Meta(min_length=1)]
    system_instruction: Content | None = None
    generation_config: GenerationConfig | None = None
    tools: list[Tool] | None = None

    def tool_to_call(self) -> str:
        """The first tool, unless the newest content brings a function's response."""
        newest = self.contents[-1].parts or []
        if any(part.function_response is not None for part in newest):
            return ""
        tools = [
            one for tool in self.tools or () for one in tool.function_declarations or ()
        ]
        return tools[0].name if tools else ""

    def tokens(self) -> int:
        """What the system instruction and the contents count."""
        told = [self.system_instruction] if self.system_instruction else []
        said = [*told, *self.contents]
        return sum([tokens_of_message(*content.texts()) for content in said])


requests = msgspec.json.Decoder(GenerateRequest)


def usage_json(usage: Usage, candidates: int) -> bytes:
    """The usage so far; counts of 0 are left out, candidates leave thoughts out."""
    extra = b""
    if candidates:
        extra += b',"candidatesTokenCount":%d' % candidates
    if usage.reasoning:
        extra += b',"thoughtsTokenCount":%d' % usage.reasoning
    if usage.cache_read:
        extra += b',"cachedContentTokenCount":%d' % usage.cache_read
    total = usage.input + candidates + usage.reasoning
    return (
        b'{"promptTokenCount":%d,"totalTokenCount":%d%b,'
        b'"promptTokensDetails":[{"modality":"TEXT","tokenCount":%d}]}'
    ) % (usage.input, total, extra, usage.input)


def chunk_json(answer: Answer, text: str, so_far: int, *, last: bool) -> bytes:
    """One GenerateContentResponse; `so_far` counts the text's tokens up to here."""
    reason, usage = b"", b""
    if last:
        reason = b"MAX_TOKENS" if answer.by_length else b"STOP"
        reason = b',"finishReason":"%b"' % reason
    if answer.with_usage:
        usage = b'"usageMetadata":%b,' % usage_json(answer.usage, so_far)
    parts = b'"parts":[{"text":%b}],' % encode(text) if text else b""
    if answer.tool:
        call = b'"parts":[{"functionCall":{"name":%b,"args":%b}}],'
        parts = call % (encode(answer.tool), answer.text.encode())
    return (
        b'{"candidates":[{"content":{%b"role":"model"},"index":0%b}],%b'
        b'"modelVersion":%b,"responseId":"%b"}'
    ) % (parts, reason, usage, encode(answer.model), answer.core.encode())


class Gemini:
    """Plays the Dialect of generateContent; `stream` and `array` come from the URL."""

    def __init__(self, *, stream: bool, array: bool = False) -> None:
        self._stream = stream
        self._array = array

    def asked(self, body: bytes, model: str) -> Asked:
        """What the body and the path's model ask for; raises Refusal."""
        request = requests.decode(body)
        texts = [c.texts() for c in reversed(request.contents) if c.role != "model"]
        config = request.generation_config
        return Asked(
            model=model,
            input_tokens=request.tokens(),
            last_text=" ".join(texts[0]) if texts else "",
            limit=config.max_output_tokens if config else None,
            stream=self._stream,
            tool=request.tool_to_call(),
        )

    def plain(self, answer: Answer) -> Rendered:
        """One GenerateContentResponse."""
        body = chunk_json(answer, answer.text, tokens_of(answer.text), last=True)
        stated = [(1, answer.usage)] if answer.with_usage else []
        return Rendered([body], answer.usage, statements=stated)

    def streamed(self, answer: Answer) -> Rendered:
        """One response for each piece, each with the usage so far."""
        # A function is called in one piece.
        answer.pieces = [answer.text] if answer.tool else answer.pieces
        pieces = answer.pieces or [""]
        so_far, size, chunks = [], 0, []
        for number, piece in enumerate(pieces, 1):
            size += len(piece.encode())
            so_far.append((size + 3) // 4)
            last = number == len(pieces)
            chunks.append(chunk_json(answer, piece, so_far[-1], last=last))
        known = [answer.usage._replace(output=n + answer.usage.reasoning) for n in so_far]
        rendered = Rendered(
            [b"data: %b\r\n\r\n" % chunk for chunk in chunks],
            answer.usage,
            content_type=SSE,
            stream=True,
            pieces=answer.pieces,
            statements=list(enumerate(known, 1)) if answer.with_usage else [],
            error_first=b"data: %b\r\n\r\n" % OVERLOADED,
            error_later=b"data: %b\r\n\r\n" % OVERLOADED,
        )
        return as_array(rendered, chunks) if self._array else rendered


def as_array(rendered: Rendered, chunks: list[bytes]) -> Rendered:
    """The same stream as one JSON array that arrives element by element."""
    first, *others = chunks
    rendered.events = [
        b"[%b\r\n" % first,
        *[b",\r\n%b\r\n" % each for each in others],
        b"]",
    ]
    rendered.ending = 2
    rendered.content_type = JSON
    rendered.error_first = b"[%b\r\n]" % OVERLOADED
    rendered.error_later = b",\r\n%b\r\n]" % OVERLOADED
    return rendered
