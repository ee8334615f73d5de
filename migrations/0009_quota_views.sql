-- The list of quotas, folded from their events; admission goes by table `quota` instead.
CREATE TABLE quota_list (
    quota_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    scope_kind text NOT NULL,
    scope_id text NOT NULL,
    metric text NOT NULL,
    "window" text NOT NULL,
    time_zone text NOT NULL,
    "limit" bigint NOT NULL,
    warn_at_permille bigint,
    mode text NOT NULL,
    raised_by bigint NOT NULL,
    raised_until timestamptz,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX quota_list_team ON quota_list (team_id, quota_id);
ALTER TABLE quota_list ENABLE ROW LEVEL SECURITY;
ALTER TABLE quota_list FORCE ROW LEVEL SECURITY;
CREATE POLICY own_team ON quota_list FOR SELECT TO clawbot_api
    USING (team_id = NULLIF(current_setting('clawbot.team_id', true), '')::uuid);
CREATE POLICY projector ON quota_list TO clawbot_projector USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON quota_list TO clawbot_projector;
GRANT SELECT ON quota_list TO clawbot_api;
