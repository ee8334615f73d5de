-- Quotas on the write side: their limits, changed with the event that tells of it, and
-- their balances, changed with the calls that move them. Neither is a read model, and
-- neither is ever written by a projector of one.

CREATE TABLE quota (
    quota_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    scope_kind text NOT NULL,
    scope_id text NOT NULL,
    scope_key text NOT NULL,
    metric text NOT NULL,
    "window" text NOT NULL,
    time_zone text NOT NULL,
    "limit" bigint NOT NULL,
    raised_by bigint NOT NULL DEFAULT 0,
    raised_until timestamptz,
    warn_at_permille integer,
    mode text NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX quota_scope_key ON quota (scope_key);
CREATE INDEX quota_team ON quota (team_id);

-- Not deleted with its quota. Pages are kept half empty, so that an update stays on its
-- page and touches no index: one row is updated for every call.
CREATE TABLE quota_balance (
    quota_id uuid NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz,
    settled bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (quota_id, window_start)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- The first moment of a day in a zone. PostgreSQL takes the second of two midnights where
-- clocks go back over one: the first is looked for under the offset of the hours before.
CREATE FUNCTION quota_midnight(day timestamp, time_zone text) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    midnight timestamptz := day AT TIME ZONE time_zone;
    before timestamptz := midnight - interval '6 hours';
    earlier timestamptz := before + (day - (before AT TIME ZONE time_zone));
BEGIN
    IF earlier < midnight AND earlier AT TIME ZONE time_zone = day THEN
        RETURN earlier;
    END IF;
    RETURN midnight;
END
$$;

-- The window in which a moment falls; `domain/windows.py` says the same, and a test that
-- the two agree. An unknown time zone is an error (22023), an unknown window too.
CREATE FUNCTION quota_window(
    "window" text, time_zone text, "at" timestamptz,
    OUT window_start timestamptz, OUT window_end timestamptz
)
LANGUAGE plpgsql STABLE PARALLEL SAFE
AS $$
DECLARE
    today timestamp;
BEGIN
    CASE "window"
    WHEN 'minute' THEN
        window_start := date_trunc('minute', "at", time_zone);
        window_end := window_start + interval '1 minute';
    WHEN 'hour' THEN
        window_start := date_trunc('hour', "at", time_zone);
        window_end := window_start + interval '1 hour';
    WHEN 'day' THEN
        today := date_trunc('day', "at" AT TIME ZONE time_zone);
        window_start := quota_midnight(today, time_zone);
        window_end := quota_midnight(today + interval '1 day', time_zone);
    WHEN 'month' THEN
        today := date_trunc('month', "at" AT TIME ZONE time_zone);
        window_start := quota_midnight(today, time_zone);
        window_end := quota_midnight(today + interval '1 month', time_zone);
    WHEN 'total' THEN
        window_start := timestamptz '1970-01-01 00:00:00+00';
    END CASE;
END
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON quota TO clawbot_api;
GRANT SELECT ON quota TO clawbot_proxy, clawbot_projector, clawbot_worker;
GRANT SELECT ON quota_balance TO clawbot_api;
GRANT SELECT, INSERT, UPDATE ON quota_balance
    TO clawbot_proxy, clawbot_projector, clawbot_worker;
