-- How often requests came in the last minutes, where there is no Redis to count them in.
-- Of no worth after a crash, so it is not logged; an update stays on its half empty page.
-- `at` is when it was last counted, in windows of the rate since 1970 (UTC); `before` is
-- the count of the window before that one. `entries` are times, the newest first.
CREATE UNLOGGED TABLE request_count (
    key text PRIMARY KEY,
    at double precision NOT NULL DEFAULT 0,
    count bigint NOT NULL DEFAULT 0,
    before bigint NOT NULL DEFAULT 0,
    entries double precision[] NOT NULL DEFAULT '{}',
    expires_at double precision NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

GRANT SELECT, INSERT, UPDATE, DELETE ON request_count TO clawbot_api;
