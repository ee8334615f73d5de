"""How much a model writes at most, where a call does not say: `model_limits.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from adapters.catalog.loader import read_spec

CACHED = 4096  # models: bots may ask for any name


class _LimitsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    limits: dict[Annotated[int, Field(gt=0)], list[Annotated[str, Field(min_length=1)]]]


class ModelLimits:
    """The most tokens of output, by the beginning of a model's name."""

    def __init__(self, by_beginning: Mapping[str, int]) -> None:
        longest_first = sorted(by_beginning, key=len, reverse=True)
        self._limits = [(start, by_beginning[start]) for start in longest_first]
        self.output_limit = lru_cache(maxsize=CACHED)(self._output_limit)

    def _output_limit(self, model: str | None) -> int | None:
        """The most tokens that the model writes in one answer; None: nobody knows."""
        name = (model or "").rpartition("/")[2].lower()
        for start, limit in self._limits:
            if name.startswith(start):
                return limit
        return None


@cache
def shipped_model_limits() -> ModelLimits:
    """The shipped table, read once a process."""
    return read_model_limits(files("adapters.catalog") / "model_limits.yaml")


def read_model_limits(file: Traversable) -> ModelLimits:
    """What the file says; `BadSetup` names what is wrong with it."""
    read = read_spec(file, _LimitsFile)
    return ModelLimits(
        {start: limit for limit, models in read.limits.items() for start in models}
    )
