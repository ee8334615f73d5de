-- Where bots' calls go, and what teams add to the chains, tags and strategies: both are in
-- the memory of every proxy. No bot has a policy yet, so its view stays as it is.
ALTER TABLE bot_routes
    ADD COLUMN routing jsonb,
    ADD COLUMN routing_version bigint NOT NULL DEFAULT 0;

CREATE TABLE routing_shelves (
    team_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    chains jsonb NOT NULL,
    tags jsonb NOT NULL,
    strategies jsonb NOT NULL
);
ALTER TABLE routing_shelves ENABLE ROW LEVEL SECURITY;
ALTER TABLE routing_shelves FORCE ROW LEVEL SECURITY;
CREATE POLICY projector ON routing_shelves TO clawbot_projector USING (true);
CREATE POLICY proxy ON routing_shelves FOR SELECT TO clawbot_proxy USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON routing_shelves TO clawbot_projector;
GRANT SELECT ON routing_shelves TO clawbot_proxy;
