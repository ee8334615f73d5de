"""Claims: what must be unique across streams is a stream of its own.

The id of a claim's stream is derived (uuid5) from what must be unique, so that a second
claim meets the first one's events, and two at once cannot both be appended.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict
from domain.events import Event
from domain.ids import TeamId

_HOSTNAMES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a01")
_ADDRESSES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a02")
_QUOTAS = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a03")
_PORTS = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a05")
_MOBILES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a12")
_IDENTITIES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a11")


def hostname_claim(team_id: TeamId, hostname: str) -> UUID:
    """The stream in which a team's bots claim this hostname."""
    return uuid5(_HOSTNAMES, f"{team_id}:{hostname}")


def address_claim(keyed_hash: str) -> UUID:
    """The stream in which users claim the e-mail address with this keyed hash."""
    return uuid5(_ADDRESSES, keyed_hash)


def mobile_claim(keyed_hash: str) -> UUID:
    """The stream in which users claim the mobile number with this keyed hash."""
    return uuid5(_MOBILES, keyed_hash)


def identity_claim(keyed_hash: str) -> UUID:
    """The stream in which users claim the account elsewhere with this keyed hash."""
    return uuid5(_IDENTITIES, keyed_hash)


def quota_claim(team_id: TeamId, *told_by: str) -> UUID:
    """The stream in which the team's quotas claim what tells them from each other."""
    return uuid5(_QUOTAS, json.dumps([str(team_id), *told_by]))


def host_port_claim(port: int) -> UUID:
    """The stream in which bots lease this port of the host."""
    return uuid5(_PORTS, str(port))


@dataclass(frozen=True, kw_only=True)
class ClaimTaken(Event, topic="claim.taken"):
    holder: UUID


@dataclass(frozen=True, kw_only=True)
class ClaimReleased(Event, topic="claim.released"):
    pass


ClaimEvent = ClaimTaken | ClaimReleased


class IsTaken(Conflict):
    """Somebody else holds this name already."""

    code = "conflict"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """Who holds one unique thing, if anybody."""

    holder: UUID | None = None

    def take(self, holder: UUID) -> list[ClaimEvent]:
        """Hold it; refused while another does."""
        if self.holder == holder:
            return []
        if self.holder is not None:
            raise IsTaken
        return [ClaimTaken(holder=holder)]

    def release(self) -> list[ClaimEvent]:
        """Let it go, so that it can be claimed again."""
        return [] if self.holder is None else [ClaimReleased()]

    def evolve(self, event: ClaimEvent) -> Claim:
        match event:
            case ClaimTaken(holder=holder):
                return replace(self, holder=holder)
            case ClaimReleased():
                return replace(self, holder=None)
            case _:
                assert_never(event)
