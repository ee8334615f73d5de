"""What a look around found, as gauges: who answers, who is behind, who stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from adapters.metrics.series import Gauge, Labels
from application.readiness import Lag, Look

Numbers = Callable[[], Iterable[tuple[Labels, float]]]

BEHIND = "Positions of the log that {} has yet to {}."
SECONDS = "Seconds since the first event was recorded that {} has yet to {}."


def gauges_of(look: Look) -> tuple[Gauge, ...]:
    """Everything in it."""

    def ready() -> Iterator[tuple[Labels, float]]:
        for one in look.dependencies:
            yield (one.name,), int(one.ready)

    def parked() -> Iterator[tuple[Labels, float]]:
        for one in look.parked:
            yield (one.projection,), 1

    return (
        Gauge("clawbot_ready", "1 if it answers, else 0.", "dependency", read=ready),
        Gauge(
            "clawbot_projection_parked",
            "1 for a view or a policy that stands still at an event it cannot take.",
            "projection",
            read=parked,
        ),
        *_lags("clawbot_view", look.views, "the view", "read", "view"),
        *_lags("clawbot_rebuild", look.copies, "the copy of the view", "read", "view"),
        *_lags("clawbot_sealing", look.sealing, "the sealer", "seal"),
    )


def _lags(
    name: str, lags: Sequence[Lag], who: str, what: str, *labels: str
) -> tuple[Gauge, Gauge]:
    def read(number: Callable[[Lag], float]) -> Numbers:
        return lambda: [
            ((*[lag.name for _ in labels], lag.log), number(lag)) for lag in lags
        ]

    return (
        Gauge(
            f"{name}_behind",
            BEHIND.format(who, what),
            *(*labels, "log"),
            read=read(lambda lag: lag.behind),
        ),
        Gauge(
            f"{name}_behind_seconds",
            SECONDS.format(who, what),
            *(*labels, "log"),
            read=read(lambda lag: lag.seconds),
        ),
    )
