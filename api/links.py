"""Links that are handed on or mailed: signed, good once, and kept nowhere.

    civ_ + base64url(team id, invitation id, end, role, HMAC-SHA-256)     an invitation
    crs_ + base64url(user id, epoch, end, HMAC-SHA-256)     a new password may be set
    cch_ + base64url(user id, epoch, end, means, HMAC-SHA-256)  a first step was right

The key is this instance's and signs nothing else. What the log says decides; the signature
keeps strangers from asking it. A change of password begins a new epoch: those of a person
are over with it.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from domain.base64url import bytes_of, text_of
from domain.errors import NotFound, Unauthenticated
from domain.ids import InvitationId, TeamId, UserId
from domain.roles import Role

INVITATION_PREFIX = "civ_"
SIGNATURE_BYTES = 32
RESET_PREFIX = "crs_"
CHALLENGE_PREFIX = "cch_"
_FACTS = struct.Struct(">16s16sQB")
_USER_FACTS = struct.Struct(">16sQQ")
_ROLES = tuple(Role)  # by place: append only


@dataclass(frozen=True, kw_only=True)
class InvitationLink:
    """What an invitation's link says; `expires_at` in whole seconds."""

    team_id: TeamId
    invitation_id: InvitationId
    expires_at: datetime
    role: Role


def invitation_token(key: bytes, link: InvitationLink) -> str:
    """The link's token; whoever has it may accept the invitation."""
    facts = _FACTS.pack(
        link.team_id.bytes,
        link.invitation_id.bytes,
        int(link.expires_at.timestamp()),
        _ROLES.index(link.role),
    )
    return INVITATION_PREFIX + text_of(facts + sign(key, INVITATION_PREFIX, facts))


def read_invitation(key: bytes, token: str) -> InvitationLink:
    """What the link says; `NotFound` if it is not one of ours."""
    if not token.startswith(INVITATION_PREFIX):
        raise NotFound
    whole = _bytes(token.removeprefix(INVITATION_PREFIX))
    facts, signature = whole[: _FACTS.size], whole[_FACTS.size :]
    if not hmac.compare_digest(signature, sign(key, INVITATION_PREFIX, facts)):
        raise NotFound
    team_id, invitation_id, second, role = _FACTS.unpack(facts)
    return InvitationLink(
        team_id=TeamId(UUID(bytes=team_id)),
        invitation_id=InvitationId(UUID(bytes=invitation_id)),
        expires_at=datetime.fromtimestamp(second, UTC),
        role=_ROLES[role],
    )


@dataclass(frozen=True, kw_only=True)
class UserLink:
    """Whose it is, of which epoch, and until when; `means` is what the first step was."""

    user_id: UserId
    epoch: int
    expires_at: datetime
    means: str = ""


def user_token(key: bytes, prefix: str, link: UserLink) -> str:
    """The token of a link for one person."""
    second = int(link.expires_at.timestamp())
    facts = _USER_FACTS.pack(link.user_id.bytes, link.epoch, second) + link.means.encode()
    return prefix + text_of(facts + sign(key, prefix, facts))


def read_user_link(key: bytes, prefix: str, token: str, *, now: datetime) -> UserLink:
    """What it says; `Unauthenticated` if it is not one of ours, or over."""
    if not token.startswith(prefix):
        raise Unauthenticated
    try:
        whole = _bytes(token.removeprefix(prefix))
    except NotFound as error:
        raise Unauthenticated from error
    facts, signature = whole[:-SIGNATURE_BYTES], whole[-SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, sign(key, prefix, facts)):
        raise Unauthenticated
    user_id, epoch, second = _USER_FACTS.unpack_from(facts)
    link = UserLink(
        user_id=UserId(UUID(bytes=user_id)),
        epoch=epoch,
        expires_at=datetime.fromtimestamp(second, UTC),
        means=facts[_USER_FACTS.size :].decode(),
    )
    if now >= link.expires_at:
        raise Unauthenticated
    return link


def sign(key: bytes, kind: str, facts: bytes) -> bytes:
    """HMAC-SHA-256 over the kind of link and its facts."""
    return hmac.digest(key, kind.encode() + facts, "sha256")


def _bytes(text: str) -> bytes:
    """The bytes of a text that may be anything; `NotFound` for another spelling."""
    try:
        return bytes_of(text)
    except ValueError as error:
        raise NotFound from error
