-- Usage by minute, hour, day and month takes the place of usage by hour. A row's facet says
-- what of its key is told apart; the rest of it is empty (see projections/usage_rollup.py).
DROP TABLE usage_by_hour;
DELETE FROM view_position WHERE view = 'usage_by_hour';

CREATE TABLE usage_rollup (
    calls bigint NOT NULL,
    settled bigint NOT NULL,
    refused bigint NOT NULL,
    abandoned bigint NOT NULL,
    unmetered bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cache_read_tokens bigint NOT NULL,
    cache_write_tokens bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    cost_micro_usd bigint NOT NULL,
    unpriced bigint NOT NULL,
    errors bigint NOT NULL,
    durations numeric NOT NULL,
    first_bytes numeric NOT NULL,
    team_id uuid NOT NULL,
    facet text NOT NULL,
    step text NOT NULL,
    start timestamptz NOT NULL,
    bot_id uuid NOT NULL,
    hostname text NOT NULL,
    vendor text NOT NULL,
    model text NOT NULL,
    provider_key_id uuid NOT NULL,
    status text NOT NULL,
    source text NOT NULL,
    PRIMARY KEY (team_id, facet, step, start, bot_id, hostname, vendor, model,
                 provider_key_id, status, source)
) PARTITION BY LIST (step);
-- Apart, so that a few rows of days are not strewn among very many of minutes. Rows that are
-- added to again and again find room beside themselves.
CREATE TABLE usage_rollup_minute PARTITION OF usage_rollup FOR VALUES IN ('minute');
CREATE TABLE usage_rollup_hour PARTITION OF usage_rollup FOR VALUES IN ('hour')
    WITH (fillfactor = 70);
CREATE TABLE usage_rollup_day PARTITION OF usage_rollup FOR VALUES IN ('day')
    WITH (fillfactor = 50);
CREATE TABLE usage_rollup_month PARTITION OF usage_rollup FOR VALUES IN ('month')
    WITH (fillfactor = 50);

ALTER TABLE usage_rollup ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_rollup FORCE ROW LEVEL SECURITY;
CREATE POLICY own_team ON usage_rollup FOR SELECT TO clawbot_api
    USING (team_id = NULLIF(current_setting('clawbot.team_id', true), '')::uuid);
CREATE POLICY projector ON usage_rollup TO clawbot_projector USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON usage_rollup TO clawbot_projector;
GRANT SELECT ON usage_rollup TO clawbot_api;

-- A duration as `projections/latency_sketch.py` counts it: the numbers are the first
-- milliseconds of each step, a step's count has twelve digits.
CREATE FUNCTION latency_sketch(milliseconds bigint) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN trunc(1000000000000::numeric ^ width_bucket(milliseconds, ARRAY[
        2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 7, 7, 8, 9, 9, 10, 11,
        12, 13, 14, 15, 17, 18, 20, 21, 23, 25, 27, 30, 33, 35, 39, 42, 46, 50, 54, 59, 65,
        70, 77, 83, 91, 99, 108, 118, 129, 140, 153, 166, 182, 198, 216, 235, 257, 280, 305,
        332, 363, 395, 431, 470, 513, 559, 609, 664, 725, 790, 862, 940, 1025, 1117, 1218,
        1328, 1449, 1580, 1723, 1879, 2049, 2234, 2436, 2656, 2897, 3159, 3445, 3757, 4097,
        4467, 4871, 5312, 5793, 6317, 6889, 7513, 8193, 8934, 9742, 10624, 11586, 12634,
        13778, 15025, 16385, 17867, 19484, 21248, 23171, 25268, 27555, 30049, 32769, 35734,
        38968, 42495, 46341, 50536, 55109, 60097, 65537, 71468, 77936, 84990, 92682, 101071,
        110218, 120194, 131073, 142936, 155872, 169980, 185364, 202141, 220436, 240388,
        262145, 285871, 311744, 339959, 370728, 404282, 440872, 480775, 524289, 571741,
        623488, 679918, 741456, 808563, 881744, 961549, 1048577, 1143481, 1246975, 1359835,
        1482911, 1617126, 1763488, 1923097, 2097153, 2286961, 2493949, 2719670, 2965821,
        3234251, 3526976, 3846194
    ]::bigint[]));

-- A settled call that was answered badly or not at all.
CREATE FUNCTION call_failed(status text, http_status bigint, error text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN status = 'settled' AND (error IS NOT NULL OR http_status IS NULL
    OR NOT (http_status = 101 OR http_status BETWEEN 200 AND 299));

-- What a list of calls may be narrowed by, each read newest first.
CREATE INDEX call_log_hostname ON call_log (team_id, hostname, admitted_at DESC, call_id DESC);
CREATE INDEX call_log_vendor ON call_log (team_id, vendor, admitted_at DESC, call_id DESC);
CREATE INDEX call_log_model ON call_log
    (team_id, COALESCE(model, requested_model), admitted_at DESC, call_id DESC);
CREATE INDEX call_log_key ON call_log
    (team_id, provider_key_id, admitted_at DESC, call_id DESC);
CREATE INDEX call_log_status ON call_log (team_id, status, admitted_at DESC, call_id DESC)
    WHERE status <> 'settled';
