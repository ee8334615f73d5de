"""OpenAI's chat completions: `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from adapters.simulator.counting import tokens_of_message
from adapters.simulator.dialects.vendors import encode, openai_error
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import SSE, Answer, Asked, Refusal, Rendered

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
BROKEN = Refusal(500, "The server had an error while processing your request.")
ERROR_EVENT = b"data: %b\n\n" % encode(openai_error(BROKEN, "", 0))


class Part(msgspec.Struct):
    text: str = ""
    type: str | None = None


class Message(msgspec.Struct):
    role: str
    content: str | list[Part] | None = None

    def texts(self) -> tuple[str, ...]:
        """Its texts, in order."""
        if isinstance(self.content, str):
            return (self.content,)
        return tuple(part.text for part in self.content or ())


class Named(msgspec.Struct):
    name: str = ""


class Tool(msgspec.Struct):
    function: Named = msgspec.field(default_factory=Named)


class StreamOptions(msgspec.Struct):
    include_usage: bool | None = False


class ChatRequest(msgspec.Struct):
    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: AtLeastOne | None = None
    max_completion_tokens: AtLeastOne | None = None
    tools: list[Tool] | None = None


decoder = msgspec.json.Decoder(ChatRequest)


def last_text(messages: list[Message]) -> str:
    """The newest text of the user."""
    for message in reversed(messages):
        if message.role == "user":
            return " ".join(message.texts())
    return ""


def tool_to_call(messages: list[Message], tools: list[Tool] | None) -> str:
    """The first tool, unless the newest message is a tool's result."""
    if not tools or messages[-1].role == "tool":
        return ""
    return tools[0].function.name


def usage_json(usage: Usage) -> bytes:
    """The usage as chat completions state it."""
    return (
        b'{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,'
        b'"prompt_tokens_details":{"cached_tokens":%d,"audio_tokens":0},'
        b'"completion_tokens_details":{"reasoning_tokens":%d,"audio_tokens":0,'
        b'"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
    ) % (usage.input, usage.output, usage.input + usage.output, usage[2], usage[3])


def tool_call(answer: Answer, arguments: str) -> dict[str, Any]:
    """The tool's call, with these arguments so far."""
    function = {"name": answer.tool, "arguments": arguments}
    return {"id": f"call_{answer.core}", "type": "function", "function": function}


def chunks_of(answer: Answer, head: bytes, after: bytes) -> list[bytes]:
    """A chunk for each piece of the text, or of the arguments behind the tool's name."""
    if not answer.tool:
        content = head + b'{"index":0,"delta":{"content":'
        return [content + encode(piece) + after for piece in answer.pieces]
    calls = head + b'{"index":0,"delta":{"tool_calls":[{"index":0,'
    if answer.mistral:
        answer.pieces = [answer.text]
        return [calls + encode(tool_call(answer, answer.text))[1:] + b"]" + after]
    arguments, after = calls + b'"function":{"arguments":', b"]" + after
    begun = calls + encode(tool_call(answer, ""))[1:] + after
    return [begun, *[arguments + encode(piece) + b"}}" + after for piece in answer.pieces]]


def finish_reason(answer: Answer) -> bytes:
    """Why it ended."""
    return b"tool_calls" if answer.tool else b"length" if answer.by_length else b"stop"


class OpenAIChat:
    """Plays the Dialect of chat completions."""

    def asked(self, body: bytes, model: str) -> Asked:  # noqa: ARG002  # in the body here
        """What the body asks for; raises Refusal."""
        request = decoder.decode(body)
        messages, options = request.messages, request.stream_options
        stream = bool(request.stream)
        return Asked(
            model=request.model,
            input_tokens=sum([tokens_of_message(*each.texts()) for each in messages]),
            last_text=last_text(messages),
            limit=request.max_completion_tokens or request.max_tokens,
            stream=stream,
            with_usage=not stream or bool(options and options.include_usage),
            tool=tool_to_call(messages, request.tools),
        )

    def plain(self, answer: Answer) -> Rendered:
        """`{"object": "chat.completion", …}`."""
        usage = calls = b""
        if answer.with_usage:
            usage = b',"usage":' + usage_json(answer.usage)
        if answer.tool:
            calls = b',"tool_calls":[%b]' % encode(tool_call(answer, answer.text))
        body = (
            b'{"id":"chatcmpl-%b","object":"chat.completion","created":%d,"model":%b,'
            b'"choices":[{"index":0,"message":{"role":"assistant","content":%b,'
            b'"refusal":null,"annotations":[]%b},"logprobs":null,"finish_reason":"%b"}]%b,'
            b'"service_tier":"default","system_fingerprint":"fp_simulator"}'
        ) % (
            answer.core.encode(),
            answer.created,
            encode(answer.model),
            b"null" if answer.tool else encode(answer.text),
            calls,
            finish_reason(answer),
            usage,
        )
        stated = [(1, answer.usage)] if answer.with_usage else []
        return Rendered([body], answer.usage, statements=stated)

    def streamed(self, answer: Answer) -> Rendered:
        """Chunks, the usage if it was asked for, and `data: [DONE]`."""
        head = (
            b'data: {"id":"chatcmpl-%b","object":"chat.completion.chunk","created":%d,'
            b'"model":%b,"service_tier":"default","system_fingerprint":"fp_simulator",'
            b'"choices":['
        ) % (answer.core.encode(), answer.created, encode(answer.model))
        no_usage = b',"usage":null' if answer.with_usage else b""
        after = b'},"logprobs":null,"finish_reason":null}]%b}\n\n' % no_usage
        role = b'{"index":0,"delta":{"role":"assistant","content":"","refusal":null'
        finish = b'{"index":0,"delta":{},"logprobs":null,"finish_reason":"%b"}]%b}\n\n'
        said = chunks_of(answer, head, after)
        told = answer.mistral and not answer.with_usage
        usage = b',"usage":' + usage_json(answer.usage) if told else no_usage
        events = [
            head + role + after,
            *said,
            head + finish % (finish_reason(answer), usage),
        ]
        ending = 2
        stated = [(len(events), answer.usage)] if told else []
        if answer.with_usage:
            events.append(b'%b],"usage":%b}\n\n' % (head, usage_json(answer.usage)))
            stated = [(len(events), answer.usage)]
            ending = 3
        events.append(b"data: [DONE]\n\n")
        return Rendered(
            events,
            answer.usage,
            content_type=SSE,
            stream=True,
            pieces=answer.pieces,
            first_piece=1 + len(said) - len(answer.pieces),
            ending=ending,
            statements=stated,
            error_first=ERROR_EVENT,
            error_later=ERROR_EVENT,
        )
