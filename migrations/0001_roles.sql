-- The roles that the processes act in. None of them can log in: a process connects as the
-- owner of the database and becomes one of these with `options=-c role=clawbot_xxx`.
--
-- Roles belong to the whole cluster, so another database may have made them already, or be
-- making them at this moment: the insert that comes second waits for the first and then
-- finds the role there.

DO $$
DECLARE
    process_role text;
BEGIN
    FOREACH process_role IN ARRAY ARRAY[
        'clawbot_api', 'clawbot_proxy', 'clawbot_projector', 'clawbot_worker'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = process_role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', process_role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                RAISE NOTICE 'role % was made meanwhile', process_role;
            END;
        END IF;
        -- An owner who may not grant can do with roles that an administrator gave it.
        IF NOT pg_catalog.pg_has_role(current_user, process_role, 'SET') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', process_role);
        END IF;
    END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
