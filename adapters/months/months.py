"""A month is taken out of the calls log, or brought back, by the owner of its table.

It is taken out only if nobody needs it here any more: it is over, each of its calls has an
end, every view and policy has read past it, and a checkpoint covers it. The file is on
disk, and was read again, before the log is told; the table goes last, once that word is
sealed: without it a verifier would miss the events. Broken off, it can be run again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL, Identifier, Literal

from adapters.months import file
from adapters.months.file import MonthFile, NotThatMonth
from adapters.postgres.database import Connection
from adapters.sealing.cloud_events import event_line, leaf_tie
from domain.calls_months import CallsMonthDetached, begin_of, end_of, refuse_before_its_time
from domain.errors import Conflict, NotFound, Unavailable
from domain.log import CALLS
from domain.sealing.leaves import StoredEvent
from domain.sealing.merkle import leaf_hash

PAGE = 2000
ENDS = ("call.settled", "call.abandoned", "call.refused")

MONTH: LiteralString = """
SELECT l.log_index, l.header, e.notification_id, e.originator_id, e.originator_version,
       e.topic, e.state
FROM {} AS e JOIN log_leaf AS l ON l.log = 'calls' AND l.position = e.notification_id
WHERE l.log_index > %s ORDER BY l.log_index LIMIT %s
"""
OPEN: LiteralString = """
SELECT count(*) FROM (
    SELECT FROM {} GROUP BY originator_id HAVING NOT bool_or(topic = ANY(%s))) AS open
"""
READ: LiteralString = """
SELECT coalesce(min(position), 0) FROM view_position WHERE log = 'calls'
"""
UNTIMELY: LiteralString = """
SELECT count(*) FROM {} WHERE substr(originator_id::text, 15, 1) <> '7'
"""
OUT: LiteralString = """
INSERT INTO calls_month_detached
    (month, events, root, first_position, last_position, last_at)
SELECT %s, %s, %s, min(notification_id), max(notification_id),
    max((convert_from(state, 'UTF8')::json ->> 'at')::timestamptz)
FROM {}
"""
COVERED: LiteralString = """
SELECT coalesce(max(size), 0) FROM log_checkpoint
"""

SEALED: LiteralString = """
SELECT EXISTS (SELECT FROM log_leaf WHERE log = 'fleet' AND position = %s)
"""
SEALING_SECONDS = 10.0  # for what the log was told; it is a matter of milliseconds

# Records that the month is out, or back; the position of that in the fleet log.
Tell = Callable[[MonthFile], int]


class MonthIsNeeded(Conflict):
    """Somebody needs the month here: the sentence says who."""

    code = "month-is-needed"


def part_of(month: str) -> str:
    """The table of that month; `InvalidFields` if it is no month."""
    end_of(month)
    return f"calls_events_{month.replace('-', '_')}"


def months(owner: Connection) -> list[dict[str, Any]]:
    """Every month: those that are here, and those that are out."""
    here = owner.execute(
        "SELECT replace(substr(c.relname, 14), '_', '-'), pg_total_relation_size(c.oid) "
        "FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'calls_events'::regclass "
        "AND c.relname ~ '^calls_events_[0-9]{4}_[0-9]{2}$' ORDER BY 1"
    ).fetchall()
    out = owner.execute(
        "SELECT month, events, root, detached_at FROM calls_month_detached ORDER BY month"
    ).fetchall()
    return [
        *({"month": month, "here": True, "bytes": size} for month, size in here),
        *(
            {"month": month, "here": False, "events": events, "root": root, "since": since}
            for month, events, root, since in out
        ),
    ]


def detach(owner: Connection, month: str, out: Path, tell: Tell) -> MonthFile:
    """The month is in the file, the log knows its root, and its table is gone.

    `MonthIsNeeded`, `NotFound`: there is no such month. `tell` may refuse.
    """
    part = part_of(month)
    refuse_before_its_time(month, now=datetime.now(UTC))
    if not _is_here(owner, part):
        msg = f"The calls log has no month {month} of its own here."
        raise NotFound(msg)
    _refuse_needed(owner, part)
    file.write(out, _lines(owner, part))
    try:
        found = file.look(out)
        _refuse_changed(owner, part, found.events)
        _refuse_unsealed(owner, tell(found))
        _drop(owner, month, part, found)
    except MonthIsNeeded:
        out.unlink()
        raise
    return found


def _drop(owner: Connection, month: str, part: str, found: MonthFile) -> None:
    with owner.transaction():
        _patiently(owner)
        # Nobody adds to it any more: who comes late waits, and learns that it is gone.
        owner.execute(SQL("LOCK TABLE {} IN SHARE MODE").format(Identifier(part)))
        _refuse_changed(owner, part, found.events)
        owner.execute(SQL(OUT).format(Identifier(part)), (month, found.events, found.root))
        drop = SQL("ALTER TABLE calls_events DETACH PARTITION {}; DROP TABLE {}")
        owner.execute(drop.format(Identifier(part), Identifier(part)))


def attach(
    owner: Connection, said: CallsMonthDetached, path: Path, tell: Tell
) -> MonthFile:
    """The month is in the log again, as it was; `NotThatMonth` if the file is another."""
    found = file.look(path)
    if (found.events, found.root) != (said.events, said.root):
        raise NotThatMonth
    part = part_of(said.month)
    if not _is_here(owner, part):  # else only the log was not told of it any more
        _bring_back(owner, said.month, part, path)
    tell(found)
    return found


def _is_here(owner: Connection, part: str) -> bool:
    return _one(owner, "SELECT to_regclass(%s) IS NOT NULL", part) == (True,)


def _bring_back(owner: Connection, month: str, part: str, path: Path) -> None:
    with owner.transaction():
        owner.execute(
            SQL(
                "CREATE TABLE {} (LIKE calls_events INCLUDING DEFAULTS INCLUDING INDEXES)"
            ).format(Identifier(part))
        )
        copy_in = SQL(
            "COPY {} (notification_id, originator_id, originator_version, topic, state) "
            "FROM STDIN"
        ).format(Identifier(part))
        with owner.cursor() as cursor, cursor.copy(copy_in) as copy:
            for one in file.rows(path):
                copy.write_row(
                    (one.position, one.stream_id, one.version, one.topic, one.state)
                )
        _patiently(owner)
        owner.execute(
            SQL("ALTER TABLE calls_events ATTACH PARTITION {} FOR VALUES {}").format(
                Identifier(part), SQL(_bounds(owner, month))
            )
        )
        owner.execute("DELETE FROM calls_month_detached WHERE month = %s", (month,))


def refuse_while_detached(connection: Connection, what: str) -> None:
    """`Unavailable` while a month is out: whoever folds the whole log needs all of it."""
    out = connection.execute(
        "SELECT month FROM calls_month_detached ORDER BY month"
    ).fetchall()
    if out:
        listed = ", ".join(month for (month,) in out)
        msg = (
            f"{what} folds the whole calls log, and {listed} is not in it: bring it back "
            "with `clawbot calls attach FILE` first."
        )
        raise Unavailable(msg)


def _lines(owner: Connection, part: str) -> Iterator[bytes]:
    statement, after = SQL(MONTH).format(Identifier(part)), -1
    while page := owner.execute(statement, (after, PAGE), binary=True).fetchall():
        for index, header, position, stream_id, version, topic, state in page:
            event = StoredEvent(
                log=CALLS,
                position=position,
                stream_id=stream_id,
                version=version,
                topic=topic,
                state=state,
            )
            ties = leaf_tie(leaf_hash(bytes(header)))
            yield event_line(event, index=index, header=bytes(header), ties=ties)
        after = page[-1][0]


def _refuse_needed(owner: Connection, part: str) -> None:
    place = Identifier(part)
    last, newest = _one(
        owner,
        SQL(
            "SELECT coalesce(max(e.notification_id), 0), coalesce(max(l.log_index), -1) "
            "FROM {} AS e LEFT JOIN log_leaf AS l "
            "ON l.log = 'calls' AND l.position = e.notification_id"
        ).format(place),
    )
    (unended,) = _one(owner, SQL(OPEN).format(place), list(ENDS))
    (read,) = _one(owner, SQL(READ))
    (covered,) = _one(owner, SQL(COVERED))
    (untimely,) = _one(owner, SQL(UNTIMELY).format(place))
    if untimely:
        raise MonthIsNeeded(f"{untimely} of its events are of ids that tell no time.")
    if unended:
        raise MonthIsNeeded(f"{unended} of its calls have no end yet.")
    if read < last:
        raise MonthIsNeeded("The projector has not read past it yet.")
    if covered <= newest:
        raise MonthIsNeeded("No signed checkpoint covers it yet.")


def _refuse_changed(owner: Connection, part: str, written: int) -> None:
    (there,) = _one(owner, SQL("SELECT count(*) FROM {}").format(Identifier(part)))
    if there != written:
        raise MonthIsNeeded(f"{there - written} of its events are not sealed.")


def _refuse_unsealed(owner: Connection, position: int) -> None:
    until = time.monotonic() + SEALING_SECONDS
    while _one(owner, SEALED, position) != (True,):
        if time.monotonic() > until:
            raise MonthIsNeeded("Nobody seals: start the projector, and try again.")
        time.sleep(0.05)


def _patiently(owner: Connection) -> None:
    """Calls wait behind whoever changes the table: rather give up than keep them."""
    owner.execute("SET LOCAL lock_timeout = '2s'")


def _bounds(owner: Connection, month: str) -> str:
    begin, end = begin_of(month), end_of(month)
    low, high = _one(owner, SQL("SELECT first_uuid7(%s), first_uuid7(%s)"), begin, end)
    return f"FROM ({_quoted(low)}) TO ({_quoted(high)})"


def _quoted(one: UUID) -> str:
    return Literal(str(one)).as_string(None)


def _one(owner: Connection, statement: Any, *values: object) -> tuple[Any, ...]:
    row = owner.execute(statement, values).fetchone()
    assert row is not None, "it is an aggregate"
    return row
