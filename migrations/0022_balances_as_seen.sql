-- The moment that windows are asked of.
CREATE FUNCTION quota_now() RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
RETURN now();

-- `write_calls` for who remembers how the balances stood: what was seen is seen to still
-- stand, and nothing is written if not; no row comes back then. Balances are locked first
-- and in the order of their keys, as always.
--
-- keys           the scopes whose quotas were asked
-- since, until   when all their windows were those of now
-- applying       how many quotas they have
-- windows_of …   each balance that was seen, with the version of its quota and the limit in
--                force, or 0 for a balance that is only booked, whatever became of its quota
CREATE FUNCTION write_calls_as_seen(
    keys text[], since timestamptz, until timestamptz, applying bigint,
    windows_of uuid[], starts timestamptz[], quota_versions bigint[], limits bigint[],
    settled_seen bigint[], held_seen bigint[],
    log_lock bigint, process uuid,
    ids uuid[], versions bigint[], topics text[], states bytea[],
    moved_of uuid[], moved_starts timestamptz[], held bigint[], settled bigint[]
) RETURNS TABLE (originator_id uuid, originator_version bigint, notification_id bigint)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
    standing bigint;
    found bigint;
BEGIN
    IF quota_now() < since OR quota_now() >= until THEN
        RETURN;
    END IF;

    PERFORM FROM quota_balance AS b
    JOIN unnest(windows_of, starts, settled_seen, held_seen)
        AS s (quota_id, window_start, settled, held)
        ON s.quota_id = b.quota_id AND s.window_start = b.window_start
    WHERE b.settled = s.settled AND b.held = s.held
    ORDER BY b.quota_id, b.window_start FOR UPDATE OF b;
    GET DIAGNOSTICS standing = ROW_COUNT;
    IF standing <> cardinality(windows_of) THEN
        RETURN;
    END IF;

    -- After the balances, so that it sees what was committed while we waited for them.
    SELECT count(*), count(s.quota_id) INTO found, standing
    FROM quota AS q
    LEFT JOIN unnest(windows_of, quota_versions, limits) AS s (quota_id, version, "limit")
        ON s.quota_id = q.quota_id AND s.version = q.version
        AND s."limit" = q."limit"
            + CASE WHEN q.raised_until > now() THEN q.raised_by ELSE 0 END
    WHERE q.scope_key = ANY (keys);
    IF found <> applying OR standing <> applying THEN
        RETURN;
    END IF;

    RETURN QUERY SELECT * FROM write_calls(
        log_lock, process, ids, versions, topics, states,
        moved_of, moved_starts, held, settled);
END
$$;
