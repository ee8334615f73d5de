"""The reconciler's view of bots' folders on this machine: plays `Workspaces`.

The tokens that a bot holds are kept in its secrets folder and nowhere else: what is there
is taken again, and what is lost is made anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from adapters.workspace.looking import shown_of
from application.engines import Orphan
from application.ports import Secret
from application.workspace_store import (
    HeldSecret,
    NoSpace,
    ShownWorkspace,
    WorkspaceStore,
)
from application.workspaces import CannotPrepare, HeldToken
from domain.bots import Bot
from domain.errors import InvalidFields, NotFound
from domain.workspace.facts import WorkspaceFacts
from domain.workspace.openclaw_secrets import TOKENS_FILE, tokens_in
from domain.workspace.plain import GATEWAY_FILE, TOKEN_FILE
from domain.workspace.rendered import Rendered
from domain.workspace.rendering import render

KIND = "workspace"
GATEWAY_PREFIX = "cbg_"
RANDOM_BYTES = 32


class Facts(Protocol):
    """Gathers what a bot's workspace is rendered from."""

    def of(
        self, bot_id: UUID, bot: Bot, *, token: Secret, gateway_token: Secret
    ) -> WorkspaceFacts: ...


class KeptWorkspaces:
    """The folders of bots."""

    def __init__(
        self,
        store: WorkspaceStore,
        facts: Facts,
        *,
        make_gateway_token: Callable[[], str] | None = None,
    ) -> None:
        self._store = store
        self._facts = facts
        self._make = make_gateway_token or new_gateway_token

    def prepare(self, bot_id: UUID, bot: Bot, token: str) -> str:
        """The folders hold what the bot's state says, drift included: the revision."""
        rendered = self._rendered(bot_id, bot, token)
        try:
            self._store.put(bot_id, rendered)
        except NoSpace as error:
            raise CannotPrepare(
                error.code, "the disk of the bots' folders is full"
            ) from error
        return rendered.revision

    def shown(self, bot_id: UUID, bot: Bot) -> ShownWorkspace:
        """The bot's files for people, and what it was to have and does not."""
        held, there = self._held(bot_id), tuple(self._store.shown(bot_id))
        try:
            rendered = self._rendered(bot_id, bot, "" if held is None else held[0])
        except CannotPrepare as error:
            return ShownWorkspace(files=there, failure=error.code, detail=error.detail)
        files = there or tuple(shown_of(file) for file in rendered.files)
        return ShownWorkspace(
            files=files,
            revision=rendered.revision,
            in_step=self._in_step(bot_id, rendered) if there else None,
            notes=rendered.notes,
        )

    def in_step(self, bot_id: UUID, bot: Bot) -> bool | None:
        """Whether the folders are as the bot's state says; None: it has none."""
        held = self._held(bot_id)
        if held is None:
            return None
        try:
            return self._in_step(bot_id, self._rendered(bot_id, bot, held[0]))
        except CannotPrepare:
            return False

    def _in_step(self, bot_id: UUID, rendered: Rendered) -> bool:
        return not self._store.differing(bot_id, rendered)

    def held_token(self, bot_id: UUID) -> HeldToken | None:
        """The bot token that its secrets hold; None: none that can be read."""
        held = self._held(bot_id)
        return None if held is None else HeldToken(token=held[0], since=held[2].since)

    def gateway_token(self, bot_id: UUID) -> Secret | None:
        """What the manager shows when it asks the bot's own gateway; None: it has none."""
        held = self._held(bot_id)
        return None if held is None else Secret(held[1].encode())

    def with_secrets(self) -> frozenset[UUID]:
        """The bots that have a secrets folder."""
        return self._store.with_secrets()

    def withdraw(self, bot_id: UUID) -> None:
        """No secret of the bot is left in its folders."""
        self._store.withdraw(bot_id)

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        """The folders, of kind `workspace`, that belong to none of these bots."""
        return [
            Orphan(
                kind=KIND,
                id=str(one.bot_id),
                name=str(one.bot_id),
                bot_id=one.bot_id,
                created_at=one.changed_at,
                size_bytes=one.size_bytes,
            )
            for one in self._store.kept(but=bot_ids)
        ]

    def discard(self, orphan: Orphan) -> None:
        """The folders of that bot are gone, memory and all."""
        if orphan.kind != KIND or orphan.bot_id is None:
            raise NotFound
        self._store.discard(orphan.bot_id)

    def _rendered(self, bot_id: UUID, bot: Bot, token: str) -> Rendered:
        held = self._held(bot_id)
        gateway_token = self._make() if held is None else held[1]
        try:
            facts = self._facts.of(
                bot_id,
                bot,
                token=Secret(token.encode()),
                gateway_token=Secret(gateway_token.encode()),
            )
            return render(facts)
        except InvalidFields as error:
            raise CannotPrepare("workspace-invalid", str(error)) from error

    def _held(self, bot_id: UUID) -> tuple[str, str, HeldSecret] | None:
        """Token and gateway token, as the bot's family keeps them, and the file."""
        kept = self._store.secret(bot_id, TOKENS_FILE)
        if kept is not None:
            both = tokens_in(kept.content)
            return None if both is None else (*both, kept)
        kept = self._store.secret(bot_id, TOKEN_FILE)
        gateway = self._store.secret(bot_id, GATEWAY_FILE)
        if kept is None or gateway is None:
            return None
        texts = [one.content.decode("ascii", "replace") for one in (kept, gateway)]
        return texts[0], texts[1], kept


def new_gateway_token() -> str:
    """Known to the bot's gateway and to the manager that asks it."""
    return GATEWAY_PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
