-- Notices of a team, what each of its people has read of them, and what is posted to the
-- team's webhooks.

CREATE TABLE notices (
    notice_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    position bigint NOT NULL,
    kind text NOT NULL,
    subject_id uuid NOT NULL,
    facts jsonb NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX notices_team ON notices (team_id, position DESC);

CREATE TABLE notice_readers (
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    upto bigint NOT NULL,
    positions jsonb NOT NULL,
    muted jsonb NOT NULL,
    PRIMARY KEY (team_id, user_id)
);

DO $$
DECLARE
    view text;
BEGIN
    FOREACH view IN ARRAY ARRAY['notices', 'notice_readers'] LOOP
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

-- What is to be posted, and how that went: no read model, for what the world answered is in
-- no log. An event is here once for each webhook, whatever is killed when.
CREATE TABLE webhook_delivery (
    delivery_id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL,
    team_id uuid NOT NULL,
    message_id uuid NOT NULL,
    position bigint NOT NULL,
    type text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    failures bigint NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz,
    attempts jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (webhook_id, message_id)
);
CREATE INDEX webhook_delivery_next ON webhook_delivery (webhook_id, position, message_id)
    WHERE state = 'pending';
CREATE INDEX webhook_delivery_log ON webhook_delivery (webhook_id, position DESC, message_id);
CREATE INDEX webhook_delivery_age ON webhook_delivery (created_at);
ALTER TABLE webhook_delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhook_delivery FORCE ROW LEVEL SECURITY;
CREATE POLICY own_team ON webhook_delivery FOR SELECT TO clawbot_api
    USING (team_id = NULLIF(current_setting('clawbot.team_id', true), '')::uuid);
CREATE POLICY projector ON webhook_delivery TO clawbot_projector USING (true);
CREATE POLICY worker ON webhook_delivery TO clawbot_worker USING (true);
GRANT SELECT ON webhook_delivery TO clawbot_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_delivery TO clawbot_projector;
GRANT SELECT, UPDATE ON webhook_delivery TO clawbot_worker;

-- The worker signs what it posts.
DROP POLICY worker_opens_what_bots_use ON vault.secret;
CREATE POLICY worker_opens_what_it_uses ON vault.secret FOR SELECT TO clawbot_worker
    USING (purpose IN ('channel', 'plugin', 'webhook'));
