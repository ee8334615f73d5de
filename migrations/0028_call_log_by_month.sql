-- The call log by the months of its calls' ids, as the calls log itself (0026): calls are
-- written to a month's rows and indexes, however many there were before. What was in it goes
-- to its month. Ids that tell no time are in the part that stays.

ALTER TABLE call_log RENAME TO call_log_before;
-- Who owns it and is no superuser would see none of its rows, and nothing would be moved.
ALTER TABLE call_log_before DISABLE ROW LEVEL SECURITY;

CREATE TABLE call_log (
    call_id uuid NOT NULL,
    team_id uuid NOT NULL,
    bot_id uuid,
    hostname text,
    vendor text NOT NULL,
    model text,
    requested_model text,
    provider_key_id uuid,
    status text NOT NULL,
    http_status bigint,
    input_tokens bigint,
    output_tokens bigint,
    cache_read_tokens bigint,
    cache_write_tokens bigint,
    reasoning_tokens bigint,
    usage_source text NOT NULL,
    cost_micro_usd bigint,
    price_source text,
    attempts bigint NOT NULL,
    admitted_at timestamptz NOT NULL,
    first_byte_ms bigint,
    duration_ms bigint,
    client_left boolean NOT NULL,
    error text,
    token_id text
) PARTITION BY RANGE (call_id);
-- Policies are those of the whole, so nobody has a right to a part.
CREATE TABLE call_log_other PARTITION OF call_log DEFAULT;

-- A month's part of that table is there, unless rows of it are in the one that stays: then
-- they stay.
CREATE FUNCTION make_month_part(parent text, key text, at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '1s'
AS $$  -- whoever uses the table waits behind us: better another time
DECLARE
    month timestamptz := date_trunc('month', at, 'UTC');
    part text := parent || '_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
    first uuid := first_uuid7(month);
    beyond uuid := first_uuid7(date_trunc('month', month + interval '32 days', 'UTC'));
    stays boolean;
BEGIN
    IF to_regclass('public.' || part) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE %I >= $1 AND %I < $2)',
                   parent || '_other', key, key) INTO stays USING first, beyond;
    IF NOT stays THEN
        EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I '
                       'FOR VALUES FROM (%L) TO (%L)', part, parent, first, beyond);
    END IF;
END
$$;
REVOKE ALL ON FUNCTION make_month_part FROM PUBLIC;

-- A month's parts of all that is kept by months.
CREATE OR REPLACE FUNCTION make_calls_month(at timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT make_month_part('calls_events', 'originator_id', at);
    SELECT make_month_part('call_log', 'call_id', at);
$$;
REVOKE ALL ON FUNCTION make_calls_month FROM clawbot_projector;

-- The same for each month that has calls, for this one and for the next two.
CREATE FUNCTION make_months_of_calls() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    month timestamptz := '2020-01-01 00:00:00+00';  -- no UUIDv7 is older
    beyond timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('clawbot months', 0));  -- one at a time
    WHILE month <= now() + interval '2 months' LOOP
        beyond := date_trunc('month', month + interval '32 days', 'UTC');
        IF beyond > now() OR EXISTS (
            SELECT FROM calls_events WHERE originator_id >= first_uuid7(month)
            AND originator_id < first_uuid7(beyond)
        ) THEN
            PERFORM make_calls_month(month);
        END IF;
        month := beyond;
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION make_months_of_calls FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_months_of_calls TO clawbot_projector;

-- A month that was taken out of the calls log (0026) has its rows still.
DO $$
DECLARE
    month timestamptz := '2020-01-01 00:00:00+00';
    beyond timestamptz;
BEGIN
    WHILE month <= now() LOOP
        beyond := date_trunc('month', month + interval '32 days', 'UTC');
        IF EXISTS (SELECT FROM call_log_before WHERE call_id >= first_uuid7(month)
                   AND call_id < first_uuid7(beyond)) THEN
            PERFORM make_month_part('call_log', 'call_id', month);
        END IF;
        month := beyond;
    END LOOP;
END
$$;
SELECT make_months_of_calls();
INSERT INTO call_log SELECT * FROM call_log_before;

CREATE OR REPLACE VIEW analytics.calls AS SELECT
    call_id,
    admitted_at,
    bot_id,
    hostname AS bot,
    vendor,
    model,
    requested_model,
    provider_key_id,
    status,
    http_status,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    usage_source,
    cost_micro_usd,
    price_source,
    attempts,
    first_byte_ms,
    duration_ms,
    client_left,
    error
FROM public.call_log;
DROP TABLE call_log_before;

-- Behind the rows: to sort them once is faster than to find the place of each.
ALTER TABLE call_log ADD CONSTRAINT call_log_pkey PRIMARY KEY (call_id);
CREATE INDEX call_log_team ON call_log (team_id, admitted_at DESC, call_id DESC);
CREATE INDEX call_log_hostname ON call_log (team_id, hostname, admitted_at DESC, call_id DESC);
CREATE INDEX call_log_vendor ON call_log (team_id, vendor, admitted_at DESC, call_id DESC);
CREATE INDEX call_log_model ON call_log
    (team_id, COALESCE(model, requested_model), admitted_at DESC, call_id DESC);
CREATE INDEX call_log_key ON call_log
    (team_id, provider_key_id, admitted_at DESC, call_id DESC);
CREATE INDEX call_log_status ON call_log (team_id, status, admitted_at DESC, call_id DESC)
    WHERE status <> 'settled';
CREATE INDEX call_log_token ON call_log (team_id, token_id) WHERE token_id IS NOT NULL;

ALTER TABLE call_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE call_log FORCE ROW LEVEL SECURITY;
CREATE POLICY own_team ON call_log FOR SELECT TO clawbot_api
    USING (team_id = NULLIF(current_setting('clawbot.team_id', true), '')::uuid);
CREATE POLICY projector ON call_log TO clawbot_projector USING (true);
CREATE POLICY analyst ON call_log FOR SELECT TO clawbot_analytics
    USING (team_id = analytics.team());
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON call_log TO clawbot_projector;
GRANT SELECT ON call_log TO clawbot_api, clawbot_analytics;
