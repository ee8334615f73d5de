"""What is asked of the table `request_count`, in SQL. Times are seconds since 1970, UTC."""
# ruff: noqa: S608  # every part is a literal of ours

from __future__ import annotations

from typing import LiteralString

_NOW: LiteralString = "extract(epoch FROM clock_timestamp())::float8"
_CLOCK: LiteralString = f"(SELECT {_NOW}) AS clock(now)"

# The rate's two counts as they are at this hit. It may have read the clock before the one
# that it waited for: that is then no new window.
_COUNT: LiteralString = (
    "CASE WHEN floor(excluded.at) > floor(c.at) THEN 0 ELSE c.count END + excluded.count"
)
_BEFORE: LiteralString = (
    "CASE WHEN floor(excluded.at) <= floor(c.at) THEN c.before "
    "WHEN floor(excluded.at) = floor(c.at) + 1 THEN c.count ELSE 0 END"
)
SLIDING: LiteralString = f"""
INSERT INTO request_count AS c (key, at, count, expires_at)
SELECT %(key)s, now / %(seconds)s, %(amount)s, now + 2 * %(seconds)s FROM {_CLOCK}
ON CONFLICT (key) DO UPDATE SET
    at = greatest(c.at, excluded.at),
    count = {_COUNT},
    before = {_BEFORE},
    expires_at = excluded.expires_at
WHERE floor(({_BEFORE}) * (1 - excluded.at + floor(excluded.at))) + {_COUNT} <= %(most)s
RETURNING 1"""
SLIDING_STANDS: LiteralString = f"""
SELECT floor(now / %(seconds)s) - floor(at), now / %(seconds)s, count, before
FROM request_count, {_CLOCK} WHERE key = %(key)s"""

MOVING: LiteralString = f"""
INSERT INTO request_count AS c (key, entries, expires_at)
SELECT %(key)s, array_fill(now, ARRAY[%(amount)s]), now + %(seconds)s FROM {_CLOCK}
ON CONFLICT (key) DO UPDATE SET
    entries = (excluded.entries || c.entries)[:%(most)s],
    expires_at = excluded.expires_at
WHERE coalesce(
    c.entries[%(most)s - %(amount)s + 1] < excluded.entries[1] - %(seconds)s, true)
RETURNING 1"""
MOVING_STANDS: LiteralString = f"""
SELECT now - min(entry), count(*)
FROM request_count, {_CLOCK}, unnest(entries[:%(most)s]) AS entry
WHERE key = %(key)s AND entry >= now - %(seconds)s GROUP BY now"""

FIXED: LiteralString = f"""
INSERT INTO request_count AS c (key, count, expires_at)
SELECT %(key)s, %(amount)s, now + %(seconds)s FROM {_CLOCK}
ON CONFLICT (key) DO UPDATE SET
    count = excluded.count + CASE WHEN c.expires_at > {_NOW} THEN c.count ELSE 0 END,
    expires_at =
        CASE WHEN c.expires_at > {_NOW} THEN c.expires_at ELSE excluded.expires_at END
RETURNING count"""
FIXED_STANDS: LiteralString = f"""
SELECT count, expires_at - {_NOW}
FROM request_count WHERE key = %(key)s AND expires_at > {_NOW}"""

SWEEP: LiteralString = f"DELETE FROM request_count WHERE expires_at < {_NOW}"
FORGET: LiteralString = "DELETE FROM request_count WHERE key = %(key)s"
FORGET_ALL: LiteralString = "DELETE FROM request_count"
ANSWERS: LiteralString = "SELECT 1 FROM request_count LIMIT 1"
