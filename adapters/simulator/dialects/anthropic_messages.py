"""Anthropic's messages: `POST /v1/messages`."""

from __future__ import annotations

from typing import Annotated

import msgspec

from adapters.simulator.counting import lengthened, tokens_of_message
from adapters.simulator.dialects.openai_chat import (
    AtLeastOne,
    Message,
    Named,
    Part,
    last_text,
)
from adapters.simulator.dialects.vendors import anthropic_error, encode
from adapters.simulator.ledger import Usage
from adapters.simulator.rendering import SSE, Answer, Asked, Refusal, Rendered

PLACEHOLDER = 1  # output tokens that message_start states before there are any
OVERLOADED = encode(anthropic_error(Refusal(529, "Overloaded"), "stream", 0))
ERROR_EVENT = b"event: error\ndata: %b\n\n" % OVERLOADED
BLOCK_STOP = (
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
)
BLOCK_START = (
    b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,'
    b'"content_block":%b}\n\n'
)
BLOCK_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"%b"%b}}\n\n'
)
SAID_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,'
    b'"delta":{"type":"%b":'
)
MESSAGE_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class Prompt(msgspec.Struct):
    model: str
    messages: Annotated[list[Message], msgspec.Meta(min_length=1)]
    system: str | list[Part] | None = None

    def tokens(self) -> int:
        """What the system prompt and the messages count."""
        said = list(self.messages)
        if self.system is not None:
            said.append(Message("system", self.system))
        return sum([tokens_of_message(*message.texts()) for message in said])


class MessagesRequest(Prompt, kw_only=True):
    max_tokens: AtLeastOne
    stream: bool | None = False
    tools: list[Named] | None = None

    def tool_to_call(self) -> str:
        """The first tool, unless the newest message brings a tool's result."""
        newest = self.messages[-1].content
        parts = newest if isinstance(newest, list) else []
        if not self.tools or any(part.type == "tool_result" for part in parts):
            return ""
        return self.tools[0].name


requests = msgspec.json.Decoder(MessagesRequest)


def usage_json(usage: Usage, output: int) -> bytes:
    """The usage as messages state it: its input_tokens leave the cached ones out."""
    thinking = b""
    if usage.reasoning:
        thinking = b',"output_tokens_details":{"thinking_tokens":%d}' % usage.reasoning
    return (
        b'{"input_tokens":%d,"cache_creation_input_tokens":0,"cache_read_input_tokens":%d,'
        b'"output_tokens":%d%b,"service_tier":"standard"}'
    ) % (usage.input - usage.cache_read, usage.cache_read, output, thinking)


def thinking_text(answer: Answer) -> bytes:
    """A text of as many tokens as were spent on thinking, as JSON."""
    return encode(lengthened("", answer.usage.reasoning * 4))


class AnthropicMessages:
    """Plays the Dialect of messages."""

    def asked(self, body: bytes, model: str) -> Asked:  # noqa: ARG002  # in the body here
        """What the body asks for; raises Refusal."""
        request = requests.decode(body)
        return Asked(
            model=request.model,
            input_tokens=request.tokens(),
            last_text=last_text(request.messages),
            limit=request.max_tokens,
            stream=bool(request.stream),
            tool=request.tool_to_call(),
        )

    def plain(self, answer: Answer) -> Rendered:
        """`{"type": "message", …}`."""
        blocks = []
        if answer.usage.reasoning:
            shape = b'{"type":"thinking","thinking":%b,"signature":"c2lt"}'
            blocks.append(shape % thinking_text(answer))
        if answer.tool:
            blocks.append(tool_block(answer, answer.text.encode()))
        elif answer.text:
            blocks.append(b'{"type":"text","text":%b}' % encode(answer.text))
        usage = b""
        if answer.with_usage:
            usage = b',"usage":' + usage_json(answer.usage, answer.usage.output)
        body = (
            b'{"id":"msg_%b","type":"message","role":"assistant","model":%b,"content":[%b],'
            b'"stop_reason":"%b","stop_sequence":null%b}'
        ) % (
            answer.core.encode(),
            encode(answer.model),
            b",".join(blocks),
            stop_reason(answer),
            usage,
        )
        stated = [(1, answer.usage)] if answer.with_usage else []
        return Rendered([body], answer.usage, statements=stated)

    def streamed(self, answer: Answer) -> Rendered:
        """message_start, the blocks with their deltas, message_delta, message_stop."""
        events = [message_start(answer)]
        at = 0
        if answer.usage.reasoning:
            thought = b',"thinking":%b' % thinking_text(answer)
            events += [
                BLOCK_START % (0, b'{"type":"thinking","thinking":"","signature":""}'),
                BLOCK_DELTA % (0, b"thinking_delta", thought),
                BLOCK_DELTA % (0, b"signature_delta", b',"signature":"c2lt"'),
                BLOCK_STOP % 0,
            ]
            at = 1
        block, delta = b'{"type":"text","text":""}', b'text_delta","text'
        if answer.tool:
            block = tool_block(answer, b"{}")
            delta = b'input_json_delta","partial_json'
        events.append(BLOCK_START % (at, block))
        events.append(b'event: ping\ndata: {"type":"ping"}\n\n')
        first = len(events)
        head = SAID_DELTA % (at, delta)
        events += [head + encode(piece) + b"}}\n\n" for piece in answer.pieces]
        events += [BLOCK_STOP % at, message_delta(answer), MESSAGE_STOP]
        stated = []
        if answer.with_usage:
            start = answer.usage._replace(output=PLACEHOLDER, reasoning=0)
            stated = [(1, start), (len(events) - 1, answer.usage)]
        return Rendered(
            events,
            answer.usage,
            content_type=SSE,
            stream=True,
            pieces=answer.pieces,
            first_piece=first,
            ending=3,
            statements=stated,
            error_first=ERROR_EVENT,
            error_later=ERROR_EVENT,
        )


def tool_block(answer: Answer, arguments: bytes) -> bytes:
    """The tool's call, with these arguments so far."""
    shape = b'{"type":"tool_use","id":"toolu_%b","name":%b,"input":%b}'
    return shape % (answer.core.encode(), encode(answer.tool), arguments)


def stop_reason(answer: Answer) -> bytes:
    """Why it ended."""
    if answer.tool:
        return b"tool_use"
    return b"max_tokens" if answer.by_length else b"end_turn"


def message_start(answer: Answer) -> bytes:
    """The first event: the input's tokens, and a placeholder for the output's."""
    start = answer.usage._replace(reasoning=0)
    usage = b',"usage":' + usage_json(start, PLACEHOLDER) if answer.with_usage else b""
    return (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_%b",'
        b'"type":"message","role":"assistant","model":%b,"content":[],"stop_reason":null,'
        b'"stop_sequence":null%b}}\n\n'
    ) % (answer.core.encode(), encode(answer.model), usage)


def message_delta(answer: Answer) -> bytes:
    """Why it ended, and all output tokens."""
    usage = b""
    if answer.with_usage:
        usage = b',"usage":' + usage_json(answer.usage, answer.usage.output)
    return (
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"%b",'
        b'"stop_sequence":null}%b}\n\n'
    ) % (stop_reason(answer), usage)
