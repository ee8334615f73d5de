"""What most routes of catalogs need: who asks, in which languages, and the headers."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Response

from api.callers import TheUser
from api.locales import TheLanguages
from api.past import Past, past_asked
from api.positions import reached, tag_version
from api.wired import TheSystem
from application.bus import Command
from domain.ids import TeamId


class Asked:
    """One request of somebody who is signed in."""

    def __init__(
        self, user: TheUser, system: TheSystem, languages: TheLanguages, response: Response
    ) -> None:
        self.user = user
        self.system = system
        self.languages = languages
        self.response = response

    @property
    def team_id(self) -> TeamId:
        """The team that the request acts in."""
        return self.user.team_id

    def past(self, at: str | None) -> Past | None:
        """What is asked for; None: now, and the answer tells how far the fleet log is."""
        past = past_asked(self.system, at, self.response)
        if past is None:
            reached(self.response, self.system.fleet.head())
        return past

    def carry_out(self, command: Command[int]) -> None:
        """The command is on record, and the answer tells how far the log is with it."""
        reached(self.response, self.system.bus.handle(command, by=self.user.caller))

    def tag(self, version: int) -> None:
        """The version of what is shown, for `If-Match`."""
        tag_version(self.response, version)


TheAsked = Annotated[Asked, Depends()]
