"""Roles: what a person may do in a team, and which role includes which.

    owner ── admin ──┬── member ──┬── viewer
                     └── auditor ─┘

What exactly each may do is written in `api/policies/`; here is only who stands above whom,
because nobody gives away more than they have.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """A member's role in one team."""

    OWNER = "owner"
    ADMIN = "admin"
    MEMBER = "member"
    VIEWER = "viewer"
    AUDITOR = "auditor"


BELOW: dict[Role, tuple[Role, ...]] = {
    Role.OWNER: (Role.ADMIN,),
    Role.ADMIN: (Role.MEMBER, Role.AUDITOR),
    Role.MEMBER: (Role.VIEWER,),
    Role.AUDITOR: (Role.VIEWER,),
    Role.VIEWER: (),
}


def included(role: Role) -> frozenset[Role]:
    """The role and all that it includes."""
    return frozenset({role}).union(*(included(below) for below in BELOW[role]))


def lesser(one: Role, other: Role) -> Role:
    """The highest role that both include."""
    both = included(one) & included(other)
    return max(both, key=lambda role: len(included(role)))
