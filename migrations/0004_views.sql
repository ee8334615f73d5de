-- The read models. Every table here can be dropped and built again from the logs.
-- Row-level security is the second net: a session without a team sees nothing.
CREATE TABLE view_position (
    view text NOT NULL,
    log text NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (view, log)
);

CREATE TABLE bot_directory (
    bot_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    hostname text NOT NULL,
    name text NOT NULL,
    runtime text NOT NULL,
    tags jsonb NOT NULL,
    links jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX bot_directory_team ON bot_directory (team_id, hostname);

CREATE TABLE key_ring (
    key_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    vendor text NOT NULL,
    label text NOT NULL,
    tags jsonb NOT NULL,
    models jsonb NOT NULL,
    allow_paths text NOT NULL,
    base_url text,
    last4 text NOT NULL,
    status text NOT NULL,
    open_check uuid,
    checked_at timestamptz,
    verdict text,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX key_ring_team ON key_ring (team_id, key_id);
CREATE INDEX key_ring_open_check ON key_ring (key_id) WHERE open_check IS NOT NULL;

CREATE TABLE bot_routes (
    bot_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    hostname text NOT NULL,
    tokens jsonb NOT NULL,
    links jsonb NOT NULL
);

CREATE TABLE key_routes (
    key_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    vendor text NOT NULL,
    base_url text,
    origin text NOT NULL,
    tags jsonb NOT NULL,
    models jsonb NOT NULL,
    allow_paths text NOT NULL,
    secret_version bigint NOT NULL,
    status text NOT NULL
);

CREATE TABLE call_log (
    call_id uuid PRIMARY KEY,
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
    error text
);
CREATE INDEX call_log_team ON call_log (team_id, admitted_at DESC, call_id DESC);

CREATE TABLE usage_by_hour (
    team_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    bot_id uuid NOT NULL,
    hostname text NOT NULL,
    vendor text NOT NULL,
    model text NOT NULL,
    provider_key_id uuid NOT NULL,
    status text NOT NULL,
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
    PRIMARY KEY (team_id, hour, bot_id, hostname, vendor, model, provider_key_id, status)
);

CREATE TABLE audit_trail (
    log text NOT NULL,
    position bigint NOT NULL,
    team_id uuid,
    stream_id uuid NOT NULL,
    version bigint NOT NULL,
    kind text NOT NULL,
    type text NOT NULL,
    actor text NOT NULL,
    at timestamptz NOT NULL,
    correlation_id text NOT NULL,
    causation_id text NOT NULL,
    PRIMARY KEY (log, position)
);
CREATE INDEX audit_trail_team ON audit_trail (team_id, at DESC, log DESC, position DESC);
CREATE INDEX audit_trail_stream ON audit_trail (stream_id, version);

DO $$
DECLARE
    view text;
BEGIN
    FOREACH view IN ARRAY ARRAY['bot_directory', 'key_ring', 'bot_routes', 'key_routes',
                                'call_log', 'usage_by_hour', 'audit_trail'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', view);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', view);
        EXECUTE format(
            'CREATE POLICY own_team ON %I FOR SELECT TO clawbot_api USING '
            '(team_id = NULLIF(current_setting(''clawbot.team_id'', true), '''')::uuid)', view);
        EXECUTE format('CREATE POLICY projector ON %I TO clawbot_projector USING (true)', view);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON %I '
                       'TO clawbot_projector', view);
    END LOOP;
    FOREACH view IN ARRAY ARRAY['bot_directory', 'key_ring', 'call_log', 'usage_by_hour',
                                'audit_trail'] LOOP
        EXECUTE format('GRANT SELECT ON %I TO clawbot_api', view);
    END LOOP;
    FOREACH view IN ARRAY ARRAY['bot_routes', 'key_routes'] LOOP
        EXECUTE format('CREATE POLICY proxy ON %I FOR SELECT TO clawbot_proxy USING (true)',
                       view);
        EXECUTE format('GRANT SELECT ON %I TO clawbot_proxy', view);
    END LOOP;
END
$$;
GRANT SELECT ON view_position TO clawbot_api, clawbot_proxy, clawbot_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON view_position TO clawbot_projector;
CREATE SCHEMA rebuild;
GRANT USAGE, CREATE ON SCHEMA rebuild TO clawbot_projector;
