-- The sealed log: every event of both logs as a leaf of one Merkle tree, and what was signed.
-- The sealer writes leaves and tiles, the signer checkpoints, and nobody changes an event.

DO $$
DECLARE
    process_role text;
BEGIN
    FOREACH process_role IN ARRAY ARRAY['clawbot_sealer', 'clawbot_signer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = process_role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', process_role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                RAISE NOTICE 'role % was made meanwhile', process_role;
            END;
        END IF;
        IF NOT pg_catalog.pg_has_role(current_user, process_role, 'SET') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', process_role);
        END IF;
    END LOOP;
    -- The sealer is a thread of the projector, which may be allowed its own role only.
    IF NOT pg_catalog.pg_has_role('clawbot_projector', 'clawbot_sealer', 'MEMBER') THEN
        BEGIN
            GRANT clawbot_sealer TO clawbot_projector;
        EXCEPTION WHEN unique_violation THEN
            RAISE NOTICE 'clawbot_sealer was granted meanwhile';
        END;
    END IF;
END
$$;

-- Where the sealer stands. `epoch` is the number of the sealer that may write.
CREATE TABLE log_state (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL DEFAULT 0,
    epoch bigint NOT NULL DEFAULT 0,
    fleet_position bigint NOT NULL DEFAULT 0,
    calls_position bigint NOT NULL DEFAULT 0
);
INSERT INTO log_state DEFAULT VALUES;

-- `header` is what was hashed, to the byte. Events of no team are a chain of their own.
CREATE TABLE log_leaf (
    log_index bigint PRIMARY KEY,
    log text NOT NULL,
    position bigint NOT NULL,
    team_id uuid,
    team_seq bigint NOT NULL,
    header bytea NOT NULL,
    UNIQUE (log, position)
);
CREATE UNIQUE INDEX log_leaf_team ON log_leaf
    (coalesce(team_id, '00000000-0000-0000-0000-000000000000'), team_seq);

-- The last leaf of every team; the nil id stands for no team.
CREATE TABLE log_team (
    team_id uuid PRIMARY KEY,
    team_seq bigint NOT NULL,
    leaf_hash bytea NOT NULL
);

-- Up to 256 hashes end to end; hashes cannot be compressed.
CREATE TABLE log_tile (
    level smallint NOT NULL,
    n bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, n)
);
ALTER TABLE log_tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE TABLE log_checkpoint (
    size bigint NOT NULL,
    key text NOT NULL,
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (size, key)
);

ALTER TABLE log_leaf ENABLE ROW LEVEL SECURITY;
ALTER TABLE log_leaf FORCE ROW LEVEL SECURITY;
CREATE POLICY own_team ON log_leaf FOR SELECT TO clawbot_api
    USING (team_id = NULLIF(current_setting('clawbot.team_id', true), '')::uuid);
CREATE POLICY sealer ON log_leaf TO clawbot_sealer USING (true);

GRANT SELECT ON fleet_events, calls_events, log_checkpoint TO clawbot_sealer;
GRANT SELECT, INSERT ON log_leaf TO clawbot_sealer;
GRANT SELECT, INSERT, UPDATE ON log_tile, log_team TO clawbot_sealer;
GRANT SELECT, UPDATE ON log_state TO clawbot_sealer;
GRANT SELECT ON log_state, log_tile TO clawbot_signer;
GRANT SELECT, INSERT ON log_checkpoint TO clawbot_signer;
GRANT SELECT ON log_state, log_leaf, log_tile, log_checkpoint TO clawbot_api;

-- Whoever owns the tables is told as well. Months that are over are detached, not deleted.
CREATE FUNCTION refuse_to_change_what_is_recorded() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE insufficient_privilege USING MESSAGE =
        format('%s of %s: what is recorded stays as it is', TG_OP, TG_TABLE_NAME);
END
$$;
DO $$
DECLARE
    recorded text;
BEGIN
    FOREACH recorded IN ARRAY ARRAY['fleet_events', 'calls_events', 'log_leaf',
                                    'log_checkpoint'] LOOP
        EXECUTE format(
            'CREATE TRIGGER stays_as_it_is BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
            'FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_what_is_recorded()',
            recorded);
    END LOOP;
END
$$;
