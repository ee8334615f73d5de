-- The calls log by months: of the month in a call's id (UUIDv7), so that a month that is over
-- can be taken out whole (adapters/months says how). Ids that tell no time, and months that
-- no partition was made for, are in the one that stays.

ALTER TABLE calls_events RENAME TO calls_events_other;
ALTER INDEX calls_events_pkey RENAME TO calls_events_other_pkey;
DROP INDEX calls_events_notification_id_idx;
ALTER TABLE calls_events_other DISABLE TRIGGER USER;
DROP TRIGGER stays_as_it_is ON calls_events_other;

CREATE TABLE calls_events (
    originator_id uuid NOT NULL,
    originator_version bigint NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    notification_id bigint NOT NULL DEFAULT nextval('calls_events_notification_id_seq'),
    PRIMARY KEY (originator_id, originator_version)
) PARTITION BY RANGE (originator_id);
-- Positions come from one sequence; no index over all months could hold them unique.
CREATE INDEX calls_events_notification_id_idx ON calls_events (notification_id);
ALTER SEQUENCE calls_events_notification_id_seq OWNED BY calls_events.notification_id;
ALTER TABLE calls_events ATTACH PARTITION calls_events_other DEFAULT;

GRANT SELECT ON calls_events
    TO clawbot_api, clawbot_proxy, clawbot_projector, clawbot_worker, clawbot_sealer;
GRANT INSERT ON calls_events TO clawbot_proxy, clawbot_projector;
REVOKE ALL ON calls_events_other
    FROM clawbot_api, clawbot_proxy, clawbot_projector, clawbot_worker, clawbot_sealer;

-- A trigger for each statement is of one table alone, one for each row of all its parts.
CREATE TRIGGER stays_as_it_is BEFORE UPDATE OR DELETE OR TRUNCATE ON calls_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_what_is_recorded();
CREATE TRIGGER stays_as_it_is_in_parts BEFORE UPDATE OR DELETE ON calls_events
    FOR EACH ROW EXECUTE FUNCTION refuse_to_change_what_is_recorded();

-- The first UUIDv7 of a moment.
CREATE FUNCTION first_uuid7(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0')
        || '00000000000000000000')::uuid
$$;

-- A month's part is there, unless events of it are in the one that stays: then they stay.
CREATE FUNCTION make_calls_month(at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    month timestamptz := date_trunc('month', at, 'UTC');
    part text := 'calls_events_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    first uuid := first_uuid7(month);
    beyond uuid := first_uuid7(date_trunc('month', month + interval '32 days', 'UTC'));
BEGIN
    IF to_regclass('public.' || part) IS NOT NULL OR EXISTS (
        SELECT FROM calls_events_other
        WHERE originator_id >= first AND originator_id < beyond
    ) THEN
        RETURN;
    END IF;
    SET LOCAL lock_timeout = '1s';  -- calls wait behind us: better another time
    EXECUTE format(
        'CREATE TABLE public.%I PARTITION OF public.calls_events FOR VALUES FROM (%L) TO (%L)',
        part, first, beyond);
END
$$;
REVOKE ALL ON FUNCTION make_calls_month FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_calls_month TO clawbot_projector;

SELECT make_calls_month(now() + n * interval '1 month') FROM generate_series(0, 2) AS n;

-- The months that are out: what is not in the database any more, and where it stood.
CREATE TABLE calls_month_detached (
    month text PRIMARY KEY CHECK (month ~ '^[0-9]{4}-[0-9]{2}$'),
    events bigint NOT NULL,
    root text NOT NULL,
    detached_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON calls_month_detached TO clawbot_api, clawbot_projector;
