"""What calls came to, for tests about holds."""

from __future__ import annotations

from uuid import UUID

from domain.holds import Outcome
from domain.usage import Usage, UsageSource

KEY = UUID(int=77)


def outcome(
    read: int | None,
    written: int | None,
    *,
    cost: int | None = None,
    answered: bool = True,
    key: UUID = KEY,
    model: str = "gpt-4o-mini",
    source: UsageSource = UsageSource.REPORTED,
) -> Outcome:
    """A call that read and wrote so many tokens."""
    known = read is not None or written is not None
    return Outcome(
        usage=Usage(
            input_tokens=read,
            output_tokens=written,
            source=source if known else UsageSource.NONE,
        ),
        cost_micro_usd=cost,
        answered=answered,
        provider_key_id=key,
        model=model,
    )
