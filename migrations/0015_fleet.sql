-- Bots in containers: what the directory shows of them, and what the worker may open.

ALTER TABLE bot_directory
    ADD COLUMN image text NOT NULL DEFAULT '',
    ADD COLUMN resources jsonb NOT NULL DEFAULT '{"memory_mb": 512, "cpu_millis": 1000, "pids": 512}',
    ADD COLUMN network text NOT NULL DEFAULT 'isolated',
    ADD COLUMN port integer,
    ADD COLUMN desired text NOT NULL DEFAULT 'stopped',
    ADD COLUMN generation bigint NOT NULL DEFAULT 0,
    ADD COLUMN ever_started boolean NOT NULL DEFAULT false,
    ADD COLUMN quarantined boolean NOT NULL DEFAULT false,
    ADD COLUMN seen jsonb NOT NULL DEFAULT '{}';

-- The worker puts a token into each container, and credentials into what it relays for bots.
CREATE POLICY worker_opens_what_bots_use ON vault.secret FOR SELECT TO clawbot_worker
    USING (purpose IN ('channel', 'plugin'));
GRANT SELECT ON vault.secret TO clawbot_worker;

DROP POLICY worker_asks_for_key_checks ON vault.instance_key;
CREATE POLICY worker_asks_and_issues ON vault.instance_key FOR SELECT TO clawbot_worker
    USING (purpose IN ('key-check', 'token', 'door'));
DROP POLICY proxy_checks_tokens ON vault.instance_key;
CREATE POLICY proxy_checks_tokens ON vault.instance_key FOR SELECT TO clawbot_proxy
    USING (purpose IN ('token', 'key-check', 'door'));

-- The worker looks after every bot that has a container, of whatever team.
GRANT SELECT ON bot_directory TO clawbot_worker;
CREATE POLICY worker_sees_all ON bot_directory FOR SELECT TO clawbot_worker USING (true);

-- A quarantined bot's tokens are good for nothing.
ALTER TABLE bot_routes ADD COLUMN quarantined boolean NOT NULL DEFAULT false;
