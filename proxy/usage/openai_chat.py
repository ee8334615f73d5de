"""OpenAI's chat completions, and the many vendors that answer in their shape.

Usage may be on the last chunk, on every chunk (cumulative), inside a choice (Moonshot) or
under `x_groq`. Field by field the last number wins, but a 0 never replaces more.

xAI and Google leave what was reasoned out of `completion_tokens`; it is in the total, and
charged as output (docs.x.ai, "Consumption and rate limits"; `thoughtsTokenCount` of
ai.google.dev). So whatever a total has beside both counts is output.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Raw

from proxy.usage.costs import Billed, ServerTools, cost_in
from proxy.usage.errors import BaseResp, base_error, error_in
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import LARGEST, WEIGHED, Number, Shape, count, shaped, total, weight


class _PromptDetails(Shape):
    cached_tokens: Number = None
    cache_write_tokens: Number = None
    cache_creation_input_tokens: Number = None  # DashScope
    audio_tokens: Number = None


class _CompletionDetails(Shape):
    reasoning_tokens: Number = None
    audio_tokens: Number = None


class ChatUsage(Billed):
    """`usage` of a chat completion."""

    prompt_tokens: Number = None
    completion_tokens: Number = None
    total_tokens: Number = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None
    prompt_cache_hit_tokens: Number = None  # DeepSeek
    cached_tokens: Number = None  # Moonshot
    num_search_queries: Number = None  # Perplexity
    server_tool_use_details: ServerTools | None = None  # OpenRouter


class _Function(Shape):
    arguments: str | None = None


class _Custom(Shape):
    input: str | None = None


class _ToolCall(Shape):
    function: _Function | None = None
    custom: _Custom | None = None  # a tool that takes text


class _Thought(Shape):
    text: str | None = None


class _Part(Shape):
    text: str | None = None
    thinking: list[_Thought] | str | None = None  # Mistral


class _Said(Shape):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None  # the same text under OpenRouter's name
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Choice(Shape):
    delta: _Said | None = None
    message: _Said | None = None
    text: str | None = None  # legacy completions
    finish_reason: str | None = None
    usage: ChatUsage | None = None


class _Groq(Shape):
    usage: ChatUsage | None = None
    error: Raw = Raw()


class _BotUsage(Shape):
    """Of an application at Ark, which calls several models."""

    model_usage: list[ChatUsage] | None = None


class _Bill(Shape):
    model: str | None = None
    usage: ChatUsage | None = None
    bot_usage: _BotUsage | None = None
    error: Raw = Raw()
    base_resp: BaseResp | None = None
    service_tier: Raw = Raw()


class _Chunk(_Bill):
    choices: list[_Choice] | None = None
    x_groq: _Groq | None = None


_read_chunk = shaped(_Chunk)
_read_bill = shaped(_Bill)


class OpenAiChat(Tally):
    """Tallies chunks and bodies of chat completions."""

    runs = True

    def event(self, data: bytes) -> bool:
        chunk = _read_chunk(data)
        if chunk is None:
            return False
        self._add(chunk, "stream_event")
        return True

    def body(self, data: bytes | bytearray) -> bool:
        if len(data) > WEIGHED:
            bill = _read_bill(data)
            if bill is None:
                return False
            self._bill(bill, "http_body")
        else:
            chunk = _read_chunk(data)
            if chunk is None:
                return False
            self._add(chunk, "http_body")
        self.finished = True
        return True

    def add_up(self) -> None:
        into, out = self.input_tokens, self.output_tokens
        whole = self.total_tokens
        if whole and into is not None and out is not None and whole > into + out:
            self.output_tokens = whole - into

    def _add(self, chunk: _Chunk, where: Where) -> None:
        groq = chunk.x_groq
        if groq is not None:
            if groq.usage is not None:
                self._charge(groq.usage)
            self.fail(error_in(groq.error, where))
        for choice in chunk.choices or ():
            self._hear(choice)
        self._bill(chunk, where)

    def _bill(self, bill: _Bill, where: Where) -> None:
        if bill.model != self.model:
            self.named(bill.model)
        if bill.usage is not None:
            self._charge(bill.usage)
        elif bill.bot_usage is not None:
            self._charge(_sum_of(bill.bot_usage.model_usage or ()))
        if len(bill.service_tier):
            self.served(bill.service_tier)
        if len(bill.error):
            self.fail(error_in(bill.error, where))
        if bill.base_resp is not None:
            self.fail(base_error(bill.base_resp))

    def _hear(self, choice: _Choice) -> None:
        said = choice.delta or choice.message
        if said is not None:
            self.output_bytes += _weight_of(said)
        if choice.text:
            self.output_bytes += weight(choice.text)
        if choice.finish_reason and choice.finish_reason != "error":
            self.finished = True
        if choice.usage is not None:
            self._charge(choice.usage)

    def _charge(self, usage: ChatUsage) -> None:
        self.input_tokens = _later(self.input_tokens, usage.prompt_tokens)
        self.output_tokens = _later(self.output_tokens, usage.completion_tokens)
        self.total_tokens = _later(self.total_tokens, usage.total_tokens)
        for read in (usage.prompt_cache_hit_tokens, usage.cached_tokens):
            if read is not None:
                self.cache_read_tokens = _later(self.cache_read_tokens, read)
        prompt, completion = usage.prompt_tokens_details, usage.completion_tokens_details
        if prompt is not None:
            written = prompt.cache_creation_input_tokens
            self.cache_read_tokens = _later(self.cache_read_tokens, prompt.cached_tokens)
            self.cache_write_tokens = _later(self.cache_write_tokens, written)
            written = prompt.cache_write_tokens
            self.cache_write_tokens = _later(self.cache_write_tokens, written)
            if prompt.audio_tokens:
                self.also(audio_input_tokens=prompt.audio_tokens)
        if completion is not None:
            reasoned = completion.reasoning_tokens
            self.reasoning_tokens = _later(self.reasoning_tokens, reasoned)
            if completion.audio_tokens:
                self.also(audio_output_tokens=completion.audio_tokens)
        if len(usage.cost):
            self.cost_micro_usd = _later(self.cost_micro_usd, cost_in(usage))
        if usage.num_search_queries:
            self.also(web_searches=usage.num_search_queries)
        tools = usage.server_tool_use or usage.server_tool_use_details
        if tools is not None:
            self.also(web_searches=tools.web_search_requests)


def _sum_of(usages: Sequence[ChatUsage]) -> ChatUsage:
    """What several models used, in the three numbers that all tell."""
    return ChatUsage(
        prompt_tokens=total(*(one.prompt_tokens for one in usages)),
        completion_tokens=total(*(one.completion_tokens for one in usages)),
        total_tokens=total(*(one.total_tokens for one in usages)),
    )


def _later(earlier: int | None, now: Number) -> int | None:
    """The number reported now, unless it is none or a 0 after a number."""
    if now is None:
        return earlier
    if type(now) is int and 0 < now <= LARGEST:  # as nearly always
        return now
    number = count(now)
    return number or (number if earlier is None else earlier)


def _weight_of(said: _Said) -> int:
    """Bytes of everything that was said: text, reasoning, refusal, arguments."""
    size, content = 0, said.content
    if isinstance(content, str):
        size = weight(content)
    elif content:
        size = sum(_weight_of_part(part) for part in content)
    if thought := said.reasoning_content or said.reasoning:
        size += weight(thought)
    if said.refusal:
        size += weight(said.refusal)
    for call in said.tool_calls or ():
        if call.function is not None:
            size += weight(call.function.arguments)
        if call.custom is not None:
            size += weight(call.custom.input)
    if said.function_call is not None:
        size += weight(said.function_call.arguments)
    return size


def _weight_of_part(part: _Part) -> int:
    thinking = part.thinking
    if isinstance(thinking, list):
        return weight(part.text) + sum(weight(inner.text) for inner in thinking)
    return weight(part.text) + weight(thinking)
