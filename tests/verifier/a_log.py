"""A sealed log without a database: its lines, and checkpoints over them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from uuid import UUID

from adapters.sealing.cloud_events import checkpoint_line, event_line, leaf_tie
from adapters.sealing.key_file import SigningKey
from application.sealing import SignedCheckpoint
from domain.sealing.checkpoints import Checkpoint
from domain.sealing.leaves import ChainEnd, StoredEvent, said_in, sealed
from domain.sealing.notes import signed
from domain.sealing.tiles import Tree, grown


class ALog:
    """Events of two teams, their lines, and checkpoints over them."""

    def __init__(
        self, key: SigningKey, count: int = 30, *, salt: str = "", salted_from: int = 0
    ) -> None:
        self.key = key
        self.lines: list[bytes] = []
        self._hashes: list[bytes] = []
        ends: dict[UUID | None, ChainEnd] = {}
        for number in range(count):
            team = [UUID(int=1), UUID(int=2), None][number % 3]
            said = salt if number >= salted_from else ""
            state = json.dumps(
                {"at": "t", "actor": "a", "team_id": team and str(team), "event": said}
            )
            event = StoredEvent(
                log="fleet",
                position=number + 1,
                stream_id=UUID(int=number),
                version=1,
                topic="a.b",
                state=state.encode(),
            )
            leaf = sealed(event, said_in(event.state), ends.get(team, ChainEnd()))
            ends[team] = leaf.chain_end
            self._hashes.append(leaf.hash)
            self.lines.append(
                event_line(
                    event, index=number, header=leaf.header, ties=leaf_tie(leaf.hash)
                )
            )

    def note(self, size: int) -> str:
        tiles = grown(0, lambda _level, _n: b"", self._hashes[:size])
        root = Tree(size, lambda level, n: tiles[level, n]).root()
        text = Checkpoint(origin=self.key.name, size=size, root=root).text
        return signed(text, self.key.public, self.key.sign)

    def published(self, *sizes: int) -> list[bytes]:
        return [
            checkpoint_line(
                SignedCheckpoint(size=size, key=self.key.public.text, note=self.note(size))
            )
            for size in sizes
        ]

    def bundle(self, *sizes: int) -> Iterator[bytes]:
        return iter(self.published(*sizes) + self.lines)
