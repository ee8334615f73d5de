"""What routing wants to know of a request, read from its body: numbers, and the words.

The user's last words are those of the user messages at the end, and of earlier ones only
while there are none yet: an agent sends the results of its tools as messages too, and a
turn of twenty calls should not go twenty ways. See `domain/user_words.py` for what is taken
out of them. Pictures, tools and the like are counted in the last `MOST_LOOKED_AT` messages
and parts; text is copied only as far as `LONGEST_WORDS`.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, TypeVar

import msgspec

from domain.routing_facts import RequestFacts, RequestWords
from domain.routing_words import LONGEST_WORDS, measured
from domain.user_words import own_words
from domain.vendors import Format
from proxy.estimates import estimated_tokens
from proxy.incoming import NotReadable

MOST_LOOKED_AT = 2000  # messages, parts, tools
MOST_COMMAS = (
    500_000  # beyond that nothing in the body is looked at: it would take a second
)
LONGEST_TOOL_NAME = 100
MOST_TOOL_NAMES = 512  # that rules look at
LONGEST_NUMBER = 12  # digits
NOT_THINKING = frozenset({"none", "minimal", "disabled"})
IMAGES = ("image", "image_url", "input_image")
IMAGE_TOKENS = 1_000  # about: 765 (GPT-4o), 1,120 (Gemini 3), 1,570 (Claude) of a large one
TEXTS = ("text", "input_text")

T = TypeVar("T")
Raw = msgspec.Raw
NO_RAW = Raw(b"null")


class _Part(msgspec.Struct):
    type: Any = None
    text: Raw = NO_RAW
    cache_control: Raw = NO_RAW
    content: Raw = NO_RAW  # of a tool's result


class _Message(msgspec.Struct):
    role: Any = None
    content: Raw = NO_RAW
    cache_control: Raw = NO_RAW


class _Named(msgspec.Struct):
    name: Any = None


class _Tool(msgspec.Struct):
    type: Any = None
    name: Any = None
    function: Raw = NO_RAW
    cache_control: Raw = NO_RAW


class _Body(msgspec.Struct):
    model: Raw = NO_RAW
    stream: Raw = NO_RAW
    messages: Raw = NO_RAW
    input: Raw = NO_RAW
    system: Raw = NO_RAW
    tools: Raw = NO_RAW
    functions: Raw = NO_RAW
    thinking: Raw = NO_RAW
    reasoning: Raw = NO_RAW
    reasoning_effort: Raw = NO_RAW
    max_tokens: Raw = NO_RAW
    max_completion_tokens: Raw = NO_RAW
    max_output_tokens: Raw = NO_RAW
    cache_control: Raw = NO_RAW


class _Effort(msgspec.Struct):
    type: Any = None
    effort: Any = None


_body = msgspec.json.Decoder(_Body)
_list = msgspec.json.Decoder(list[Raw])
_message = msgspec.json.Decoder(_Message)
_part = msgspec.json.Decoder(_Part)
_tool = msgspec.json.Decoder(_Tool)
_named = msgspec.json.Decoder(_Named)
_effort = msgspec.json.Decoder(_Effort)
_string = msgspec.json.Decoder(str)


def read_facts(spoken: Format, body: bytes) -> tuple[RequestFacts, RequestWords]:
    """The request's facts and words; `NotReadable` if it is no JSON object.

    A field whose value is of the wrong kind counts as missing: the vendor will say so.
    """
    try:
        asked = _body.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise NotReadable from error
    if body.count(b",") > MOST_COMMAS:
        asked.messages = asked.input = asked.tools = asked.functions = NO_RAW
    seen = _Seen()
    items = _items(asked.input if spoken == "openai-responses" else asked.messages)
    seen.read(items)
    if not items:
        seen.words = own_words(_text(asked.input)[: 2 * LONGEST_WORDS])[:LONGEST_WORDS]
    seen.parts(asked.system)
    tools = [*_items(asked.tools), *_items(asked.functions)]
    names = dict.fromkeys(filter(None, [seen.tool(raw) for raw in tools]))
    measures = measured(seen.words)
    facts = RequestFacts(
        format=spoken,
        requested_model=_string_in(asked.model),
        chars=len(seen.words),
        input_tokens=estimated_tokens(len(body) - seen.pictured)
        + IMAGE_TOKENS * seen.images,
        max_output_tokens=_limit(asked),
        messages=len(items),
        tools=len(tools),
        images=seen.images,
        thinking=_thinks(asked),
        cache_control=seen.cached or _given(asked.cache_control),
        streaming=bytes(asked.stream) == b"true",
        code_blocks=measures.code_blocks,
        hard_words=measures.hard_words,
        questions=measures.questions,
    )
    return facts, RequestWords(
        text=seen.words, tool_names=tuple(islice(names, MOST_TOOL_NAMES))
    )


class _Seen:
    """What was found so far, reading from the last message to the first."""

    def __init__(self) -> None:
        self.words = ""
        self.images = 0
        self.pictured = 0  # bytes, most of them base64: no text, whatever they cost
        self.cached = False
        self._left = MOST_LOOKED_AT

    def read(self, messages: list[Raw]) -> None:
        """All messages, the last first."""
        collecting = True
        for raw in reversed(messages):
            if not self._may_look():
                return
            message = _as(_message, raw)
            if message is None:
                continue
            self.cached |= _given(message.cache_control)
            texts = self.parts(message.content)
            if message.role == "user" and collecting:
                text = "\n".join(_text(one) for one in texts)[: 2 * LONGEST_WORDS]
                self.words = f"{own_words(text)}\n{self.words}".strip()[:LONGEST_WORDS]
            elif message.role == "assistant" and self.words:
                collecting = False

    def parts(self, content: Raw, *, within: bool = False) -> list[Raw]:
        """The texts in it; pictures and marks for the cache are counted on the way."""
        if _begins(content, b'"'):
            return [content]
        texts: list[Raw] = []
        for raw in _items(content):
            part = _as(_part, raw) if self._may_look() else None
            if part is None:
                continue
            self.cached |= _given(part.cache_control)
            if part.type in IMAGES:
                self.images += 1
                self.pictured += len(raw)
            elif part.type in TEXTS:
                texts.append(part.text)
            elif part.type == "tool_result" and not within:
                self.parts(part.content, within=True)
        return texts

    def tool(self, raw: Raw) -> str | None:
        """The tool's name, or its type if it has none."""
        tool = _as(_tool, raw) if self._may_look() else None
        if tool is None:
            return None
        self.cached |= _given(tool.cache_control)
        inner = _as(_named, tool.function)
        for name in (tool.name, inner and inner.name, tool.type):
            if isinstance(name, str):
                return name[:LONGEST_TOOL_NAME]
        return None

    def _may_look(self) -> bool:
        self._left -= 1
        return self._left >= 0


def _limit(asked: _Body) -> int | None:
    """How many tokens the answer may have."""
    limits = (asked.max_completion_tokens, asked.max_output_tokens, asked.max_tokens)
    for digits in (bytes(limit) for limit in limits):
        if digits.isdigit() and len(digits) <= LONGEST_NUMBER and int(digits):
            return int(digits)
    return None


def _thinks(asked: _Body) -> bool:
    thinking, reasoning = _as(_effort, asked.thinking), _as(_effort, asked.reasoning)
    said = (
        _string_in(asked.reasoning_effort),
        thinking and thinking.type,
        reasoning and reasoning.effort,
    )
    return any(isinstance(one, str) and one not in NOT_THINKING for one in said)


def _as(decoder: msgspec.json.Decoder[T], raw: Raw) -> T | None:
    try:
        return decoder.decode(raw) if _begins(raw, b"{") else None
    except (msgspec.DecodeError, RecursionError):
        return None


def _items(raw: Raw) -> list[Raw]:
    return _list.decode(raw) if _begins(raw, b"[") else []


def _text(raw: Raw) -> str:
    """The string; of a list of strings, the first; else nothing."""
    if _begins(raw, b"["):
        raw = next(iter(_items(raw)), NO_RAW)
    return _string_in(raw) or ""


def _string_in(raw: Raw) -> str | None:
    return _string.decode(raw) if _begins(raw, b'"') else None


def _given(raw: Raw) -> bool:
    return _begins(raw, b"{")


def _begins(raw: Raw, sign: bytes) -> bool:
    return memoryview(raw)[:1] == sign
