"""The erasure of a person.

Whatever tells who somebody is stands in one record of the vault, under a key of its own,
and nowhere else: events and views hold ids. To shred that record is to erase the person
from all of them, from what was exported, and from replays; no event changes, so the sealed
log stays intact.

A team that has nobody left has nobody who could stop its bots: they are quarantined with
the erasure, so that they spend no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from application.bus import Command
from application.event_log import EventLog
from application.ports import Shredder
from application.seats import seated
from domain.bots import Bot
from domain.claims import Claim, identity_claim, mobile_claim
from domain.ids import TeamId, UserId
from domain.seats import Seat
from domain.teams import Team
from domain.users import User

NOBODY_LEFT = "The last member of the team was erased."


@dataclass(frozen=True, kw_only=True)
class ErasePerson(Command[int]):
    """`claims` are the streams in which the person holds an address, which are let go.

    So are the accounts elsewhere that are linked, and the mobile number.

    Asked again it changes nothing; `NotFound` if nobody ever had that id.
    """

    user_id: UserId
    claims: tuple[UUID, ...] = ()


def erase_person(command: ErasePerson, *, event_log: EventLog, people: Shredder) -> int:
    user = event_log.read(User(), command.user_id)
    teams = event_log.read_all(Team(), user.state.teams)
    linked = [identity_claim(one) for one in user.state.identities.values()]
    linked += [mobile_claim(user.state.mobile_hash)] if user.state.mobile_hash else []
    claims = event_log.read_all(Claim(), [*command.claims, *linked])
    own = [one for one in claims if one.state.holder == command.user_id]
    left = [TeamId(one.id) for one in teams if set(one.state.members) == {command.user_id}]
    alone = [bot for team_id in left for bot in seated(event_log, team_id, Seat.BOT)]
    bots = event_log.read_all(Bot(), alone)
    people.shred(command.user_id)
    return event_log.append_all(
        (user, user.state.erase()),
        *((one, one.state.forget(command.user_id)) for one in teams),
        *((one, one.state.release()) for one in own),
        *((one, one.state.quarantine(NOBODY_LEFT)) for one in bots),
    )
