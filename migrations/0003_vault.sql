-- The vault: everything that is sealed, and nothing that is not (adapters/vault.py says how).
--
--   clawbot_api        puts and removes secrets through two functions and can read none back;
--                      reads and writes people; makes instance keys and check values
--   clawbot_proxy      reads provider keys, and the instance keys it checks tokens with
--   clawbot_worker     reads the instance key it asks the proxy for key checks with
--   clawbot_projector  nothing
--
-- The owner of the tables passes row-level security: migrations and `vault rewrap` are its.

CREATE SCHEMA vault;

-- One row: the salt of every key derived from a master key.
CREATE TABLE vault.instance (id uuid NOT NULL);
CREATE UNIQUE INDEX instance_is_one_row ON vault.instance ((true));
INSERT INTO vault.instance (id) VALUES (gen_random_uuid());

-- Tells a wrong master key at start, not at the first call.
CREATE TABLE vault.kek (
    kek_id      text PRIMARY KEY CHECK (kek_id <> ''),
    check_value bytea NOT NULL CHECK (octet_length(check_value) = 16),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE vault.secret (
    id          uuid NOT NULL,
    version     integer NOT NULL CHECK (version > 0),
    team_id     uuid NOT NULL,
    purpose     text NOT NULL CHECK (purpose ~ '^[a-z_]+$'),
    vendor      text NOT NULL,
    origin      text NOT NULL,
    kek_id      text NOT NULL REFERENCES vault.kek,
    wrap_nonce  bytea NOT NULL CHECK (octet_length(wrap_nonce) = 12),
    wrapped_dek bytea NOT NULL CHECK (octet_length(wrapped_dek) = 48),
    nonce       bytea NOT NULL CHECK (octet_length(nonce) = 12),
    ct          bytea NOT NULL CHECK (octet_length(ct) % 64 = 16),
    commitment  bytea NOT NULL CHECK (octet_length(commitment) = 32),
    last4       text NOT NULL CHECK (length(last4) <= 4),
    fp          bytea NOT NULL CHECK (octet_length(fp) = 16),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version)
);

CREATE TABLE vault.instance_key (
    purpose     text PRIMARY KEY,
    kek_id      text NOT NULL REFERENCES vault.kek,
    wrap_nonce  bytea NOT NULL,
    wrapped_dek bytea NOT NULL,
    nonce       bytea NOT NULL,
    ct          bytea NOT NULL,
    commitment  bytea NOT NULL
);

CREATE TABLE vault.person (
    user_id     uuid PRIMARY KEY,
    kek_id      text NOT NULL REFERENCES vault.kek,
    wrap_nonce  bytea NOT NULL,
    wrapped_dek bytea NOT NULL,
    nonce       bytea NOT NULL,
    ct          bytea NOT NULL,
    commitment  bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- Functions that act with the owner's rights. All names in them are written out, and the
-- path is fixed, so that no caller can put a table of its own in the way.

CREATE FUNCTION vault.put(
    secret_id uuid, secret_version integer, team uuid, for_purpose text, for_vendor text,
    for_origin text, by_kek text, with_wrap_nonce bytea, with_wrapped_dek bytea,
    with_nonce bytea, with_ct bytea, with_commitment bytea, with_last4 text, with_fp bytea
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM vault.secret AS s WHERE s.id = secret_id AND s.team_id <> team
    ) THEN
        RAISE unique_violation USING MESSAGE = 'that id is taken';
    END IF;
    INSERT INTO vault.secret (
        id, version, team_id, purpose, vendor, origin, kek_id, wrap_nonce, wrapped_dek,
        nonce, ct, commitment, last4, fp
    ) VALUES (
        secret_id, secret_version, team, for_purpose, for_vendor, for_origin, by_kek,
        with_wrap_nonce, with_wrapped_dek, with_nonce, with_ct, with_commitment,
        with_last4, with_fp
    );
END
$$;

CREATE FUNCTION vault.remove(team uuid, secret_id uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    DELETE FROM vault.secret AS s WHERE s.team_id = team AND s.id = secret_id
$$;

-- Which keys the vault cannot do without: ids only.
CREATE FUNCTION vault.keks_in_use() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
    SELECT kek_id FROM vault.secret
    UNION SELECT kek_id FROM vault.instance_key
    UNION SELECT kek_id FROM vault.person
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vault FROM PUBLIC;

GRANT USAGE ON SCHEMA vault TO clawbot_api, clawbot_proxy, clawbot_worker;
GRANT SELECT ON vault.instance, vault.kek TO clawbot_api, clawbot_proxy, clawbot_worker;
GRANT EXECUTE ON FUNCTION vault.keks_in_use TO clawbot_api, clawbot_proxy, clawbot_worker;

GRANT EXECUTE ON FUNCTION vault.put, vault.remove TO clawbot_api;
GRANT INSERT ON vault.kek TO clawbot_api;
GRANT SELECT, INSERT ON vault.instance_key TO clawbot_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.person TO clawbot_api;
GRANT SELECT ON vault.secret TO clawbot_proxy;
GRANT SELECT ON vault.instance_key TO clawbot_proxy, clawbot_worker;

ALTER TABLE vault.secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY proxy_opens_provider_keys ON vault.secret FOR SELECT TO clawbot_proxy
    USING (purpose = 'provider_key');

ALTER TABLE vault.instance_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY api_has_all ON vault.instance_key TO clawbot_api
    USING (true) WITH CHECK (true);
CREATE POLICY proxy_checks_tokens ON vault.instance_key FOR SELECT TO clawbot_proxy
    USING (purpose IN ('token', 'key-check'));
CREATE POLICY worker_asks_for_key_checks ON vault.instance_key FOR SELECT TO clawbot_worker
    USING (purpose = 'key-check');
