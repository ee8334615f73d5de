-- What teams pay for models, for lists and in the memory of every proxy.
CREATE TABLE model_prices (
    price_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    vendor text NOT NULL,
    model text NOT NULL,
    rates jsonb NOT NULL,
    version bigint NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX model_prices_team ON model_prices (team_id, vendor, model);
ALTER TABLE model_prices ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_prices FORCE ROW LEVEL SECURITY;
CREATE POLICY own_team ON model_prices FOR SELECT TO clawbot_api
    USING (team_id = NULLIF(current_setting('clawbot.team_id', true), '')::uuid);
CREATE POLICY projector ON model_prices TO clawbot_projector USING (true);
CREATE POLICY proxy ON model_prices FOR SELECT TO clawbot_proxy USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON model_prices TO clawbot_projector;
GRANT SELECT ON model_prices TO clawbot_api, clawbot_proxy;
