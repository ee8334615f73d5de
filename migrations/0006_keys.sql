-- Keys that cool, are parked, rotate, and are seen to be well or not.

-- What a view was folded into before these columns were there lacks them: the views are
-- folded anew, by the projector, from the beginning of their log.
TRUNCATE key_ring, key_routes;
DELETE FROM view_position WHERE view IN ('key_ring', 'key_routes');

ALTER TABLE key_ring
    ADD COLUMN secret_version bigint NOT NULL,
    ADD COLUMN old_secrets jsonb NOT NULL,
    ADD COLUMN cooling_until timestamptz,
    ADD COLUMN parked_at timestamptz,
    ADD COLUMN good_at timestamptz NOT NULL;
CREATE INDEX key_ring_awaiting_time ON key_ring (key_id)
    WHERE cooling_until IS NOT NULL OR parked_at IS NOT NULL OR old_secrets <> '[]';

ALTER TABLE key_routes
    ADD COLUMN cooling_until timestamptz,
    ADD COLUMN good_version bigint NOT NULL;

CREATE TABLE key_health (
    key_id uuid PRIMARY KEY,
    team_id uuid NOT NULL,
    successes bigint NOT NULL,
    failures bigint NOT NULL,
    failures_in_a_row bigint NOT NULL,
    last_verdict text NOT NULL,
    last_error text,
    last_at timestamptz NOT NULL,
    open_until timestamptz
);
CREATE INDEX key_health_team ON key_health (team_id, key_id);
ALTER TABLE key_health ENABLE ROW LEVEL SECURITY;
ALTER TABLE key_health FORCE ROW LEVEL SECURITY;
CREATE POLICY own_team ON key_health FOR SELECT TO clawbot_api
    USING (team_id = NULLIF(current_setting('clawbot.team_id', true), '')::uuid);
CREATE POLICY projector ON key_health TO clawbot_projector USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON key_health TO clawbot_projector;
GRANT SELECT ON key_health TO clawbot_api;

-- Policies give commands: the projector records what calls and time do to keys, and shreds
-- what a rotation has put out of use. It can still not read a secret, or store one.
GRANT INSERT ON fleet_events TO clawbot_projector;
GRANT USAGE ON SEQUENCE fleet_events_notification_id_seq TO clawbot_projector;

CREATE FUNCTION vault.remove_version(secret_id uuid, secret_version integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM vault.secret AS s WHERE s.id = secret_id AND s.version = secret_version
$$;
REVOKE ALL ON FUNCTION vault.remove_version FROM PUBLIC;
GRANT USAGE ON SCHEMA vault TO clawbot_projector;
GRANT EXECUTE ON FUNCTION vault.remove_version TO clawbot_projector;
