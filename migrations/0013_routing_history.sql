-- How each target did, by the hour; and past calls with what routing knew of them, to be
-- decided once more under other rules. Times of latency are counts by step, as jsonb.
CREATE TABLE routing_statistics (
    calls bigint NOT NULL,
    successes bigint NOT NULL,
    fallbacks bigint NOT NULL,
    passed_on bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    cost_micro_usd bigint NOT NULL,
    unpriced bigint NOT NULL,
    first_byte jsonb NOT NULL,
    team_id uuid NOT NULL,
    hour timestamptz NOT NULL,
    bot_id uuid NOT NULL,
    provider_key_id uuid NOT NULL,
    model text NOT NULL,
    vendor text NOT NULL,
    PRIMARY KEY (team_id, hour, bot_id, provider_key_id, model)
);

CREATE TABLE past_calls (
    call_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    at timestamptz NOT NULL,
    bot_id uuid NOT NULL,
    vendor text NOT NULL,
    model text,
    key_id uuid,
    open boolean NOT NULL,
    usage jsonb NOT NULL,
    cost_micro_usd bigint,
    refused text,
    routing jsonb
);
CREATE INDEX past_calls_team ON past_calls (team_id, at, call_id);

DO $$
DECLARE
    view text;
BEGIN
    FOREACH view IN ARRAY ARRAY['routing_statistics', 'past_calls'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', view);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', view);
        EXECUTE format(
            'CREATE POLICY own_team ON %I FOR SELECT TO clawbot_api USING '
            '(team_id = NULLIF(current_setting(''clawbot.team_id'', true), '''')::uuid)', view);
        EXECUTE format('CREATE POLICY projector ON %I TO clawbot_projector USING (true)', view);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON %I '
                       'TO clawbot_projector', view);
        EXECUTE format('GRANT SELECT ON %I TO clawbot_api', view);
    END LOOP;
END
$$;
