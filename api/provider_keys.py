"""`/api/provider-key`: the team's credentials at vendors. Nothing here shows a secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from uuid_utils.compat import uuid7

from api.callers import TheUser
from api.key_shapes import (
    KeyChange,
    KeyHealthOut,
    KeyOut,
    KeyRotation,
    KeyToVerify,
    ModelOut,
    NewKey,
    VerdictOut,
    health_shown,
    key_shown,
    origin_of,
)
from api.lists_then import KeysThen, keys_then
from api.paging import TheCursors
from api.past import Past, ThePast, history_then
from api.positions import (
    CALLS_ONLY,
    FLEET_ONLY,
    ExpectedVersion,
    reached,
    read_after,
    read_at,
    tag_version,
)
from api.refusals import VendorGivesNoList
from api.shapes import ListQuery, Page, PastListQuery, unique
from api.vendors import vendor_of
from api.wired import TheSystem, Wired
from application.keys import (
    AddProviderKey,
    CheckProviderKey,
    EditProviderKey,
    RemoveProviderKey,
    RotateProviderKey,
)
from application.ports import Secret
from domain.errors import NotFound
from domain.ids import ProviderKeyId, TeamId
from domain.log import CALLS, FLEET
from domain.verdicts import Verdict
from projections.key_ring import KeyRingProjector, KeyRow
from projections.view import row_of

router = APIRouter(prefix="/api/provider-key", tags=["provider keys"])

AFTER = Depends(read_after(lambda system: system.key_ring, FLEET))
AFTER_HEALTH = Depends(read_after(lambda system: system.key_health, CALLS))


@router.get("", dependencies=[AFTER])
def of_team(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[PastListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    then: KeysThen,
    response: Response,
) -> Page[KeyOut]:
    """The team's keys, oldest first; `at` a time or a position, as they were."""
    after = cursors.read(query.cursor, UUID) if query.cursor else None
    view, limit = system.key_ring, query.limit + 1
    if then is None:
        now = datetime.now(UTC)
        rows = read_at(
            response,
            view,
            FLEET_ONLY,
            lambda: view.of_team(user.team_id, after=after, limit=limit),
        )
    else:
        now, listed = then.time, keys_then(system, user.team_id, then)
        rows = [row for row in listed if after is None or row.key_id > after][:limit]
    shown, cursor = cursors.page(rows, query.limit, lambda row: [str(row.key_id)])
    return Page(items=[key_shown(row, now) for row in shown], next_cursor=cursor)


@router.post("", status_code=201)
def add(new: NewKey, user: TheUser, system: TheSystem, response: Response) -> KeyOut:
    """Put a key into the vault, bound to where it may be sent."""
    vendor = vendor_of(system.catalog, new.vendor)
    key_id = ProviderKeyId(uuid7())
    command = AddProviderKey(
        key_id=key_id,
        team_id=user.team_id,
        vendor=vendor.id,
        label=new.label,
        secret=Secret(new.secret.get_secret_value().encode()),
        base_url=new.base_url,
        origin=str(origin_of(new, vendor, system.egress_allow)),
        tags=unique(new.tags),
        models=unique(new.models),
        allow_paths=new.allow_paths,
    )
    position = system.bus.handle(command, by=user.caller)
    return _shown(system, user.team_id, key_id, response, position)


@router.get("/health", dependencies=[AFTER_HEALTH])
def health(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[KeyHealthOut]:
    """How the team's keys do, oldest first: circuit, last verdict, counts of calls."""
    after = cursors.read(query.cursor, UUID) if query.cursor else None
    limit, now = query.limit + 1, datetime.now(UTC)
    rows = system.key_ring.of_team(user.team_id, after=after, limit=limit)
    known = read_at(
        response,
        system.key_health,
        CALLS_ONLY,
        lambda: system.key_health.of_keys(user.team_id, [row.key_id for row in rows]),
    )
    shown, cursor = cursors.page(rows, query.limit, lambda row: [str(row.key_id)])
    healths = {one.key_id: one for one in known}
    items = [health_shown(row, healths.get(row.key_id), now) for row in shown]
    return Page(items=items, next_cursor=cursor)


@router.post("/verify")
def verify(asked: KeyToVerify, user: TheUser, system: TheSystem) -> VerdictOut:
    """Ask the vendor about a secret, now; it is not kept."""
    limits = system.request_limits
    limits.rates.count(limits.vendor_asks, str(user.team_id))
    vendor = vendor_of(system.catalog, asked.vendor)
    secret = Secret(asked.secret.get_secret_value().encode())
    found = system.prober.probe(vendor, secret, asked.base_url)
    secret.wipe()
    return VerdictOut(
        verdict=found.verdict, http_status=found.http_status, error=found.error
    )


@router.get("/{key_id}")
def one(
    key_id: UUID,
    past: ThePast,
    user: TheUser,
    system: TheSystem,
    response: Response,
) -> KeyOut:
    """The key as it stands, or as it stood `at` a time or a position."""
    if past is None:
        return _shown(system, user.team_id, key_id, response, system.fleet.head())
    row = _row(system, user.team_id, key_id, past)
    tag_version(response, row.version)
    return key_shown(row, past.time)


@router.patch("/{key_id}")
def edit(  # noqa: PLR0913, PLR0917 - what the framework hands in
    key_id: UUID,
    change: KeyChange,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> KeyOut:
    """Change what the key is called and what it may be used for."""
    command = EditProviderKey(
        key_id=ProviderKeyId(key_id),
        team_id=user.team_id,
        label=change.label,
        tags=None if change.tags is None else unique(change.tags),
        models=None if change.models is None else unique(change.models),
        allow_paths=change.allow_paths,
        expected_version=expected,
        disabled=change.parked,
    )
    position = system.bus.handle(command, by=user.caller)
    return _shown(system, user.team_id, key_id, response, position)


@router.delete("/{key_id}", status_code=204)
def remove(
    key_id: UUID,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Shred the secret and drop the key."""
    command = RemoveProviderKey(
        key_id=ProviderKeyId(key_id), team_id=user.team_id, expected_version=expected
    )
    reached(response, system.bus.handle(command, by=user.caller))


@router.post("/{key_id}/rotate")
def rotate(  # noqa: PLR0913, PLR0917 - what the framework hands in
    key_id: UUID,
    rotation: KeyRotation,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> KeyOut:
    """Put a new secret in the old one's place; calls take it at once."""
    command = RotateProviderKey(
        key_id=ProviderKeyId(key_id),
        team_id=user.team_id,
        secret=Secret(rotation.secret.get_secret_value().encode()),
        previous_end_at=datetime.now(UTC) + timedelta(seconds=rotation.grace_seconds),
        expected_version=expected,
    )
    position = system.bus.handle(command, by=user.caller)
    return _shown(system, user.team_id, key_id, response, position)


@router.get("/{key_id}/models")
def models(
    key_id: UUID,
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
) -> Page[ModelOut]:
    """The models that the vendor lists for the key, asked now, through the proxy."""
    row = _row(system, user.team_id, key_id)
    limits = system.request_limits
    limits.rates.count(limits.vendor_asks, str(user.team_id))
    found, names = system.key_models.models(key_id, system.catalog.get(row.vendor))
    if found.verdict is not Verdict.OK:
        raise VendorGivesNoList
    shown = [ModelOut(id=name) for name in names]
    return cursors.whole(shown, query, lambda one: one.id)


@router.post("/{key_id}/check", status_code=202)
def check(key_id: UUID, user: TheUser, system: TheSystem, response: Response) -> KeyOut:
    """Have the vendor asked whether the key is good; the verdict comes later."""
    command = CheckProviderKey(
        key_id=ProviderKeyId(key_id), team_id=user.team_id, check_id=uuid7()
    )
    position = system.bus.handle(command, by=user.caller)
    return _shown(system, user.team_id, key_id, response, position)


def _row(system: Wired, team_id: TeamId, key_id: UUID, past: Past | None = None) -> KeyRow:
    """Folded from its stream, so that it is never behind; another team's is not there."""
    row = row_of(KeyRingProjector(), FLEET, history_then(system.fleet, key_id, past))
    if row is None or row.team_id != team_id:
        raise NotFound
    return row


def _shown(
    system: Wired, team_id: TeamId, key_id: UUID, response: Response, position: int
) -> KeyOut:
    row = _row(system, team_id, key_id)
    reached(response, position)
    tag_version(response, row.version)
    return key_shown(row, datetime.now(UTC))
