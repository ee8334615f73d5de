"""OpenAI's embeddings: input only. Where only the total is told, all of it is input."""

from __future__ import annotations

from msgspec import Raw

from proxy.usage.costs import Billed, cost_in
from proxy.usage.errors import BaseResp, base_error, error_in
from proxy.usage.reading import Tally
from proxy.usage.shapes import Number, Shape, count, shaped


class _Usage(Billed):
    prompt_tokens: Number = None
    total_tokens: Number = None


class _Embeddings(Shape):
    model: str | None = None
    usage: _Usage | None = None
    error: Raw = Raw()
    base_resp: BaseResp | None = None


_read = shaped(_Embeddings)


class OpenAiEmbeddings(Tally):
    """Tallies bodies of embeddings."""

    def event(self, data: bytes) -> bool:
        return self.body(data)

    def body(self, data: bytes | bytearray) -> bool:
        answer = _read(data)
        if answer is None:
            return False
        self.finished = True
        self.named(answer.model)
        self.fail(error_in(answer.error, "http_body") or base_error(answer.base_resp))
        if answer.usage is not None:
            self._charge(answer.usage)
        return True

    def _charge(self, usage: _Usage) -> None:
        self.total_tokens = count(usage.total_tokens)
        self.cost_micro_usd = cost_in(usage)
        told = count(usage.prompt_tokens)
        self.input_tokens = self.total_tokens if told is None else told
        self.output_tokens = None if self.input_tokens is None else 0
