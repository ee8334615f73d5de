"""Where else a call may go: under another key, or to another target of its routing."""

from __future__ import annotations

from collections.abc import Iterator

from proxy.admission import Admission
from proxy.outgoing import Outgoing, outgoing


def elsewhere(admission: Admission, call: Outgoing) -> Iterator[Outgoing]:
    """The call to every other place where it may go, in order.

    Each goes on from there as if it had gone there first. The keys of a target come before
    the next target: nothing but the key is another there.
    """
    yield from _other_keys(admission, call)
    if call.routed is not None:
        for other in call.routed.others():
            yield other
            yield from _other_keys(admission, other)


def with_next_key(admission: Admission, call: Outgoing) -> Outgoing | None:
    """The call under the next key that may serve it; None: there is none."""
    route = admission.further(call.route, call.incoming)
    if route is None:
        return None
    following = outgoing(
        call.credential, call.incoming, route, call.asked, call.asked_body, call.upload
    )
    following.routed = call.routed
    return following


def _other_keys(admission: Admission, call: Outgoing) -> Iterator[Outgoing]:
    following = with_next_key(admission, call)
    while following is not None:
        yield following
        following = with_next_key(admission, following)
