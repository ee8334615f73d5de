"""OpenAI's responses: usage comes once, with the event that ends the stream.

A failure comes as an `error` event, inside `response.failed`, or (Perplexity) beside it.
What is written in the background (`background: true`) answers at once, before there is any.
"""

from __future__ import annotations

from msgspec import Raw

from proxy.usage.costs import Billed, cost_in
from proxy.usage.errors import Code, error_in, seen
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import WEIGHED, Number, Shape, count, shaped, weight

_TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
_GENERATED = frozenset(
    {
        "response.output_text.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
        "response.refusal.delta",
    }
)
_FINAL = frozenset({"completed", "incomplete", "failed"})
_RUNNING = frozenset({"queued", "in_progress"})


class _InputDetails(Shape):
    cached_tokens: Number = None
    cache_write_tokens: Number = None
    cache_read_input_tokens: Number = None  # Perplexity, also the next
    cache_creation_input_tokens: Number = None


class _OutputDetails(Shape):
    reasoning_tokens: Number = None


class _Search(Shape):
    num_requests: Number = None


class _HostedTools(Shape):
    web_search: _Search | None = None


class _Invoked(Shape):
    invocation: Number = None


class _ToolCalls(Shape):
    search_web: _Invoked | None = None


class _Usage(Billed):
    input_tokens: Number = None
    output_tokens: Number = None
    total_tokens: Number = None
    input_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None
    tool_calls_details: _ToolCalls | None = None  # Perplexity


class _Part(Shape):
    text: str | None = None
    refusal: str | None = None


class _Item(Shape):
    content: list[_Part] | None = None
    summary: list[_Part] | None = None
    arguments: str | None = None
    input: str | None = None  # of a tool that takes text


class _Bill(Shape):
    model: str | None = None
    status: str | None = None
    background: bool | None = None
    usage: _Usage | None = None
    tool_usage: _HostedTools | None = None  # OpenAI: beside `usage`
    service_tier: Raw = Raw()
    error: Raw = Raw()


class _Response(_Bill):
    output: list[_Item] | None = None


class _Event(Shape):
    type: str | None = None
    delta: str | None = None
    response: _Bill | None = None
    error: Raw = Raw()
    code: Code = None
    message: str | None = None


_read_event = shaped(_Event)
_read_bill = shaped(_Bill)
_read_response = shaped(_Response)


class OpenAiResponses(Tally):
    """Tallies events and bodies of responses."""

    def event(self, data: bytes) -> bool:
        event = _read_event(data)
        if event is None:
            return False
        if event.type in _GENERATED:
            self.output_bytes += weight(event.delta)
            return True
        if event.type in _TERMINAL:
            self.ended = self.finished = True
        if event.response is not None:
            self._bill(event.response, "stream_event")
        self.fail(error_in(event.error, "stream_event"))
        if event.type == "error":
            self.fail(seen(event.type, event.code, event.message, "stream_event"))
        elif event.type == "response.failed":
            self.fail(seen(None, None, None, "stream_event"))
        return True

    def body(self, data: bytes | bytearray) -> bool:
        bill: _Bill | None
        if len(data) > WEIGHED:
            bill = _read_bill(data)
        else:
            bill = response = _read_response(data)
            if response is not None:
                self.output_bytes += sum(map(_weight_of, response.output or ()))
        if bill is None:
            return False
        self.finished = bill.status is None or bill.status in _FINAL
        self.goes_on = bill.status in _RUNNING
        self._bill(bill, "http_body")
        if bill.status == "failed":
            self.fail(seen(None, None, None, "http_body"))
        return True

    def _bill(self, bill: _Bill, where: Where) -> None:
        self.named(bill.model)
        self.fail(error_in(bill.error, where))
        if bill.background:
            self.goes_on = True
        if bill.usage is not None:
            self._charge(bill.usage)
        if len(bill.service_tier):
            self.served(bill.service_tier)
        if bill.tool_usage is not None and bill.tool_usage.web_search is not None:
            self.also(web_searches=bill.tool_usage.web_search.num_requests)

    def _charge(self, usage: _Usage) -> None:
        self.input_tokens = count(usage.input_tokens)
        self.output_tokens = count(usage.output_tokens)
        self.total_tokens = count(usage.total_tokens)
        into, out = usage.input_tokens_details, usage.output_tokens_details
        if into is not None:
            read, written = count(into.cached_tokens), count(into.cache_write_tokens)
            other = count(into.cache_read_input_tokens)
            self.cache_read_tokens = other if read is None else read
            other = count(into.cache_creation_input_tokens)
            self.cache_write_tokens = other if written is None else written
        if out is not None:
            self.reasoning_tokens = count(out.reasoning_tokens)
        self.cost_micro_usd = cost_in(usage)
        if usage.server_tool_use is not None:
            self.also(web_searches=usage.server_tool_use.web_search_requests)
        invoked = usage.tool_calls_details
        if invoked is not None and invoked.search_web is not None:
            self.also(web_searches=invoked.search_web.invocation)


def _weight_of(item: _Item) -> int:
    parts = [*(item.content or ()), *(item.summary or ())]
    spoken = sum(weight(part.text) + weight(part.refusal) for part in parts)
    return spoken + weight(item.arguments) + weight(item.input)
