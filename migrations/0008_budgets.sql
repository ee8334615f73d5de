-- What the admission and the end of calls do to balances. Rows of `quota_balance` are always
-- taken first and in the order of their keys, then the log's advisory lock: so batches of
-- several proxies wait for each other, and never in a circle.

-- The quotas of these scopes with their windows of now, and the windows named besides, each
-- locked until the transaction ends, with the limit in force and the balance as it stands.
CREATE FUNCTION lock_budgets(keys text[], windows_of uuid[], starts timestamptz[])
RETURNS TABLE (
    quota_id uuid, window_start timestamptz, window_end timestamptz,
    scope_key text, scope_kind text, scope_id text,
    version bigint, metric text, mode text, "limit" bigint,
    settled bigint, held bigint, is_now boolean
)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
    now_of uuid[];
    now_starts timestamptz[];
    now_ends timestamptz[];
BEGIN
    SELECT array_agg(q.quota_id), array_agg(w.window_start), array_agg(w.window_end)
    INTO now_of, now_starts, now_ends
    FROM quota AS q, quota_window(q."window", q.time_zone, now()) AS w
    WHERE q.scope_key = ANY (keys);

    INSERT INTO quota_balance (quota_id, window_start, window_end)
    SELECT n.quota_id, n.window_start, n.window_end
    FROM unnest(now_of, now_starts, now_ends) AS n (quota_id, window_start, window_end)
    WHERE NOT EXISTS (
        SELECT FROM quota_balance AS b
        WHERE b.quota_id = n.quota_id AND b.window_start = n.window_start
    )
    ORDER BY n.quota_id
    ON CONFLICT DO NOTHING;

    PERFORM FROM quota_balance AS b
    JOIN (
        SELECT * FROM unnest(now_of || windows_of, now_starts || starts)
    ) AS n (quota_id, window_start) USING (quota_id, window_start)
    ORDER BY b.quota_id, b.window_start FOR UPDATE OF b;

    -- A statement of its own, so that it sees what others committed while we waited.
    RETURN QUERY
    SELECT b.quota_id, b.window_start, b.window_end,
           q.scope_key, q.scope_kind, q.scope_id, q.version, q.metric, q.mode,
           q."limit" + CASE WHEN q.raised_until > now() THEN q.raised_by ELSE 0 END,
           b.settled, b.held, bool_or(n.is_now)
    FROM (
        SELECT *, true FROM unnest(now_of, now_starts)
        UNION ALL
        SELECT *, false FROM unnest(windows_of, starts)
    ) AS n (quota_id, window_start, is_now)
    JOIN quota_balance AS b USING (quota_id, window_start)
    JOIN quota AS q USING (quota_id)
    GROUP BY b.quota_id, b.window_start, q.quota_id
    ORDER BY b.quota_id, b.window_start;
END
$$;

-- Moves balances by these differences. A window that is not there is an error.
CREATE FUNCTION move_balances(
    windows_of uuid[], starts timestamptz[], held_by bigint[], settled_by bigint[]
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    moved bigint;
BEGIN
    PERFORM FROM quota_balance AS b
    JOIN unnest(windows_of, starts) AS d (quota_id, window_start)
        USING (quota_id, window_start)
    ORDER BY b.quota_id, b.window_start FOR UPDATE OF b;

    UPDATE quota_balance AS b
    SET held = b.held + d.held, settled = b.settled + d.settled
    FROM unnest(windows_of, starts, held_by, settled_by)
        AS d (quota_id, window_start, held, settled)
    WHERE b.quota_id = d.quota_id AND b.window_start = d.window_start;

    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality(windows_of) THEN
        RAISE EXCEPTION '% of % balances are there', moved, cardinality(windows_of)
            USING ERRCODE = 'CB003';
    END IF;
END
$$;

-- A batch of events of calls, and what they do to balances: all of it, or none.
-- CB001: another event stands in a place. CB002: there is no lease to admit under.
CREATE FUNCTION write_calls(
    log_lock bigint, process uuid,
    ids uuid[], versions bigint[], topics text[], states bytea[],
    windows_of uuid[], starts timestamptz[], held bigint[], settled bigint[]
) RETURNS TABLE (originator_id uuid, originator_version bigint, notification_id bigint)
LANGUAGE plpgsql VOLATILE
AS $$
#variable_conflict use_column
DECLARE
    written bigint;
BEGIN
    IF cardinality(windows_of) > 0 THEN
        PERFORM move_balances(windows_of, starts, held, settled);
    END IF;
    PERFORM pg_advisory_xact_lock(log_lock);
    IF 'call.admitted' = ANY (topics) AND NOT EXISTS (
        SELECT FROM call_lease WHERE process_id = process AND ends_at > clock_timestamp()
    ) THEN
        RAISE EXCEPTION 'the lease does not stand' USING ERRCODE = 'CB002';
    END IF;
    RETURN QUERY
    INSERT INTO calls_events (originator_id, originator_version, topic, state)
    SELECT * FROM unnest(ids, versions, topics, states)
    ON CONFLICT DO NOTHING
    RETURNING calls_events.originator_id, calls_events.originator_version,
              calls_events.notification_id;
    GET DIAGNOSTICS written = ROW_COUNT;
    IF written <> cardinality(ids) THEN
        RAISE EXCEPTION '% of % places are free', written, cardinality(ids)
            USING ERRCODE = 'CB001';
    END IF;
END
$$;
