"""The sweeper: rings again for what was asked for and is not done.

Whatever a broker has lost, or a worker has given up on, comes back this way.
"""

from __future__ import annotations

from application.policies import CHECK_PROVIDER_KEY
from application.ports import JobQueue
from projections.key_ring import KeyRing


def ring_again(key_ring: KeyRing, jobs: JobQueue) -> int:
    """Every key whose check is awaited is rung for; how many."""
    awaiting = key_ring.awaiting_check()
    for row in awaiting:
        jobs.enqueue(CHECK_PROVIDER_KEY, key_id=str(row.key_id))
    return len(awaiting)
