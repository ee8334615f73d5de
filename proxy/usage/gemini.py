"""Gemini's generateContent, its streams, and embedContent.

Thoughts are outside `candidatesTokenCount`, the prompts of tools outside
`promptTokenCount`: both are added. Counts are cumulative and a 0 is left out, so a
finished answer that tells no output had none, unless it was seen to have some.

Searches are charged apart, and only the answer's grounding tells them: each query that is
not empty, once; up to Gemini 2.5 one for the whole prompt (Google, "Grounding with Google
Search", pricing).
"""

from __future__ import annotations

import re

from msgspec import Raw

from proxy.usage.errors import error_in
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import WEIGHED, Number, Shape, compact, over, shaped, total, weight

MOST_QUERIES = 256  # that are told apart; a vendor must not fill our memory
LONGEST_QUERY = 400  # characters
_SEARCHES_ONCE = re.compile(r"(?:models/)?gemini-[12][.-]")


class _Modality(Shape, rename="camel"):
    modality: str | None = None
    token_count: Number = None


class _Usage(Shape, rename="camel"):
    prompt_token_count: Number = None
    tool_use_prompt_token_count: Number = None
    candidates_token_count: Number = None
    thoughts_token_count: Number = None
    cached_content_token_count: Number = None
    total_token_count: Number = None
    prompt_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None


class _Blob(Shape, rename="camel"):
    mime_type: str | None = None


class _FunctionCall(Shape):
    args: Raw = Raw()


class _Part(Shape, rename="camel"):
    text: str | None = None
    function_call: _FunctionCall | None = None
    inline_data: _Blob | None = None


class _Content(Shape):
    parts: list[_Part] | None = None


class _Grounding(Shape, rename="camel"):
    web_search_queries: list[str] | None = None


class _Candidate(Shape, rename="camel"):
    index: int = 0
    grounding_metadata: _Grounding | None = None
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(Shape, rename="camel"):
    block_reason: str | None = None


class _Bill(Shape, rename="camel"):
    model_version: str | None = None
    usage_metadata: _Usage | None = None
    prompt_feedback: _Feedback | None = None
    error: Raw = Raw()


class _Chunk(_Bill, rename="camel"):
    candidates: list[_Candidate] | None = None


_read_chunk = shaped(_Chunk)
_read_bill = shaped(_Bill)


class Gemini(Tally):
    """Tallies chunks and bodies of generated content."""

    _prompt: int | None = None
    _tool_use: int | None = None
    _candidates: int | None = None
    _images = 0

    def __init__(self) -> None:
        self._speaking: set[int] = set()  # candidates without a finish reason yet
        self._queries: set[str] = set()

    def event(self, data: bytes) -> bool:
        chunk = _read_chunk(data)
        if chunk is None:
            return False
        self._add(chunk, "stream_event")
        self.ended = self.ended or self.finished
        return True

    def body(self, data: bytes | bytearray) -> bool:
        answer = _read_bill(data) if len(data) > WEIGHED else _read_chunk(data)
        if answer is None:
            return False
        if isinstance(answer, _Chunk):
            self._add(answer, "http_body")
        else:
            self._bill(answer, "http_body")
        self.finished = True
        return True

    def add_up(self) -> None:
        self.input_tokens = total(self._prompt, self._tool_use)
        self.output_tokens = total(self._candidates, self.reasoning_tokens)
        told = self.input_tokens is not None or self.total_tokens is not None
        left_out = self.output_tokens is None and told and self.finished
        self.untold = left_out and self.output_bytes > 0
        if left_out and not self.untold:
            self.output_tokens = 0
        if self._queries:
            once = _SEARCHES_ONCE.match(self.model or "")
            self.also(web_searches=1 if once else len(self._queries))

    def _add(self, chunk: _Chunk, where: Where) -> None:
        self._bill(chunk, where)
        candidates = chunk.candidates or ()
        for candidate in candidates:
            self._hear(candidate)
        if not self._speaking and any(each.finish_reason for each in candidates):
            self.finished = True

    def _hear(self, candidate: _Candidate) -> None:
        if candidate.finish_reason:
            self._speaking.discard(candidate.index)
        elif len(self._speaking) < 64:  # noqa: PLR2004 (a vendor must not fill our memory)
            self._speaking.add(candidate.index)
        if candidate.grounding_metadata is not None:
            for query in candidate.grounding_metadata.web_search_queries or ():
                if query and len(self._queries) < MOST_QUERIES:
                    self._queries.add(query[:LONGEST_QUERY])
        if candidate.content is None:
            return
        for part in candidate.content.parts or ():
            self.output_bytes += weight(part.text)
            if part.function_call is not None:
                self.output_bytes += compact(part.function_call.args)
            blob = part.inline_data
            if blob is not None and (blob.mime_type or "").startswith("image/"):
                self._images += 1
                self.also(images=self._images)

    def _bill(self, bill: _Bill, where: Where) -> None:
        self.named(bill.model_version)
        self.fail(error_in(bill.error, where))
        if bill.usage_metadata is not None:
            self._charge(bill.usage_metadata)
        if bill.prompt_feedback is not None and bill.prompt_feedback.block_reason:
            self.finished = True

    def _charge(self, usage: _Usage) -> None:
        self._prompt = over(self._prompt, usage.prompt_token_count)
        self._tool_use = over(self._tool_use, usage.tool_use_prompt_token_count)
        self._candidates = over(self._candidates, usage.candidates_token_count)
        thought, cached = usage.thoughts_token_count, usage.cached_content_token_count
        self.reasoning_tokens = over(self.reasoning_tokens, thought)
        self.cache_read_tokens = over(self.cache_read_tokens, cached)
        self.total_tokens = over(self.total_tokens, usage.total_token_count)
        if usage.prompt_tokens_details:
            self.also(
                audio_input_tokens=_of_kind("AUDIO", usage.prompt_tokens_details),
                image_input_tokens=_of_kind("IMAGE", usage.prompt_tokens_details),
            )
        if usage.candidates_tokens_details:
            self.also(
                audio_output_tokens=_of_kind("AUDIO", usage.candidates_tokens_details),
                image_output_tokens=_of_kind("IMAGE", usage.candidates_tokens_details),
            )


def _of_kind(modality: str, details: list[_Modality]) -> int | None:
    return total(*(part.token_count for part in details if part.modality == modality))
