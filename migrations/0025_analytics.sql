-- Schema `analytics`: what a team's own people may ask in plain SQL. The views belong to a role
-- that sees, by row-level security, only the team of the login that asks; a login is named
-- after its team, and may nothing else (see adapters/postgres/analytics_logins.py).
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['clawbot_analytics', 'clawbot_analyst'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                RAISE NOTICE 'role % was made meanwhile', wanted;
            END;
        END IF;
        IF NOT pg_catalog.pg_has_role(current_user, wanted, 'SET') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
        END IF;
    END LOOP;
END
$$;

CREATE SCHEMA analytics;
COMMENT ON SCHEMA analytics IS
    'The calls, usage, bots, keys and events of one team: that of the login that asks.';
GRANT USAGE, CREATE ON SCHEMA analytics TO clawbot_analytics;
GRANT USAGE ON SCHEMA analytics TO clawbot_analyst;

CREATE FUNCTION analytics.team() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN session_user::text ~ '^clawbot_bi_[0-9a-f]{32}$'
            THEN substr(session_user::text, 12)::uuid END;
COMMENT ON FUNCTION analytics.team() IS 'The team of this login; null: this is none.';

CREATE FUNCTION analytics.quantile_ms(sketch numeric, share double precision)
RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    WITH counted AS (
        SELECT step, sum(substr(digits, (176 - step) * 12 + 1, 12)::bigint)
                         OVER (ORDER BY step) AS upto
        FROM lpad(trunc(sketch)::text, 177 * 12, '0') AS digits,
             generate_series(0, 176) AS step)
    SELECT CASE step WHEN 0 THEN 1 ELSE round(2 ^ ((step - 0.5) / 8.0))::bigint END
    FROM counted
    WHERE upto > 0 AND upto >= share * (SELECT max(upto) FROM counted)
    ORDER BY step LIMIT 1
$$;
COMMENT ON FUNCTION analytics.quantile_ms(numeric, double precision) IS
    'The milliseconds that this share stayed within, off by less than 5 %: quantile_ms(sum(durations), 0.95). Null: nothing was measured.';

CREATE VIEW analytics.calls AS SELECT
    call_id,
    admitted_at,
    bot_id,
    hostname AS bot,
    vendor,
    model,
    requested_model,
    provider_key_id,
    status,
    http_status,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    usage_source,
    cost_micro_usd,
    price_source,
    attempts,
    first_byte_ms,
    duration_ms,
    client_left,
    error
FROM public.call_log;
COMMENT ON VIEW analytics.calls IS
    'Every call, from its admission or refusal on; one row each.';
COMMENT ON COLUMN analytics.calls.call_id IS
    'The id of the call, as in the header X-Call-Id of its answer.';
COMMENT ON COLUMN analytics.calls.admitted_at IS
    'When the call was admitted, or refused.';
COMMENT ON COLUMN analytics.calls.bot_id IS
    'Which bot called; null for a check of a provider key.';
COMMENT ON COLUMN analytics.calls.bot IS
    'The hostname of that bot.';
COMMENT ON COLUMN analytics.calls.vendor IS
    'Who was called: an id of the vendor catalog.';
COMMENT ON COLUMN analytics.calls.model IS
    'The model that answered; before an answer, null.';
COMMENT ON COLUMN analytics.calls.requested_model IS
    'The model that was asked for.';
COMMENT ON COLUMN analytics.calls.provider_key_id IS
    'Which key was used; see provider_keys.';
COMMENT ON COLUMN analytics.calls.status IS
    'open, settled, refused (nothing was sent) or abandoned (its process died).';
COMMENT ON COLUMN analytics.calls.http_status IS
    'The status of the answer; null if none came.';
COMMENT ON COLUMN analytics.calls.input_tokens IS
    'The whole prompt, cache reads and writes included; null: not known.';
COMMENT ON COLUMN analytics.calls.output_tokens IS
    'All that was generated, reasoning included; null: not known.';
COMMENT ON COLUMN analytics.calls.cache_read_tokens IS
    'The part of input_tokens that was read from a cache.';
COMMENT ON COLUMN analytics.calls.cache_write_tokens IS
    'The part of input_tokens that was written to a cache.';
COMMENT ON COLUMN analytics.calls.reasoning_tokens IS
    'The part of output_tokens that was reasoning.';
COMMENT ON COLUMN analytics.calls.usage_source IS
    'How far the tokens can be trusted: reported, partial, estimated or none.';
COMMENT ON COLUMN analytics.calls.cost_micro_usd IS
    'The cost in millionths of a US dollar; null: not known.';
COMMENT ON COLUMN analytics.calls.price_source IS
    'Where the price was taken from.';
COMMENT ON COLUMN analytics.calls.attempts IS
    'How many keys and models were tried.';
COMMENT ON COLUMN analytics.calls.first_byte_ms IS
    'Milliseconds from admission to the first byte of the answer.';
COMMENT ON COLUMN analytics.calls.duration_ms IS
    'Milliseconds from admission to the last byte of the answer.';
COMMENT ON COLUMN analytics.calls.client_left IS
    'Whether the caller left before the end.';
COMMENT ON COLUMN analytics.calls.error IS
    'What went wrong: a stable code; null: nothing.';

CREATE VIEW analytics.usage_by_minute AS SELECT
    start,
    NULLIF(bot_id, '00000000-0000-0000-0000-000000000000') AS bot_id,
    NULLIF(hostname, '') AS bot,
    vendor,
    NULLIF(model, '') AS model,
    NULLIF(provider_key_id, '00000000-0000-0000-0000-000000000000') AS provider_key_id,
    status,
    source,
    calls,
    settled,
    refused,
    abandoned,
    errors,
    unmetered,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_micro_usd,
    unpriced,
    durations,
    first_bytes
FROM public.usage_rollup WHERE facet = 'every' AND step = 'minute';
COMMENT ON VIEW analytics.usage_by_minute IS
    'What the calls of each minute add up to, for all that have bot, vendor, model, key, status and source alike.';
COMMENT ON COLUMN analytics.usage_by_minute.start IS
    'When the minute began in which the calls were admitted, in UTC.';
COMMENT ON COLUMN analytics.usage_by_minute.bot_id IS
    'Which bot called; null for checks of provider keys.';
COMMENT ON COLUMN analytics.usage_by_minute.bot IS
    'The hostname of that bot.';
COMMENT ON COLUMN analytics.usage_by_minute.vendor IS
    'Who was called: an id of the vendor catalog.';
COMMENT ON COLUMN analytics.usage_by_minute.model IS
    'The model that answered, else the one that was asked for.';
COMMENT ON COLUMN analytics.usage_by_minute.provider_key_id IS
    'Which key was used; see provider_keys.';
COMMENT ON COLUMN analytics.usage_by_minute.status IS
    'settled, refused or abandoned.';
COMMENT ON COLUMN analytics.usage_by_minute.source IS
    'How far the tokens can be trusted: reported, partial, estimated or none.';
COMMENT ON COLUMN analytics.usage_by_minute.calls IS
    'Calls that have ended: settled, refused and abandoned together.';
COMMENT ON COLUMN analytics.usage_by_minute.settled IS
    'Calls whose end is known.';
COMMENT ON COLUMN analytics.usage_by_minute.refused IS
    'Calls that were refused; nothing was sent.';
COMMENT ON COLUMN analytics.usage_by_minute.abandoned IS
    'Calls whose process died before their end.';
COMMENT ON COLUMN analytics.usage_by_minute.errors IS
    'Settled calls that were answered badly or not at all.';
COMMENT ON COLUMN analytics.usage_by_minute.unmetered IS
    'Calls of which no tokens are known.';
COMMENT ON COLUMN analytics.usage_by_minute.input_tokens IS
    'Tokens of prompts, cache reads and writes included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_minute.output_tokens IS
    'Tokens generated, reasoning included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_minute.cache_read_tokens IS
    'The part of input_tokens that was read from a cache.';
COMMENT ON COLUMN analytics.usage_by_minute.cache_write_tokens IS
    'The part of input_tokens that was written to a cache.';
COMMENT ON COLUMN analytics.usage_by_minute.reasoning_tokens IS
    'The part of output_tokens that was reasoning.';
COMMENT ON COLUMN analytics.usage_by_minute.cost_micro_usd IS
    'The known cost in millionths of a US dollar.';
COMMENT ON COLUMN analytics.usage_by_minute.unpriced IS
    'Calls of which the cost is not known.';
COMMENT ON COLUMN analytics.usage_by_minute.durations IS
    'Times to the last byte: add them up with sum(), ask quantile_ms() of the sum.';
COMMENT ON COLUMN analytics.usage_by_minute.first_bytes IS
    'Times to the first byte: add them up with sum(), ask quantile_ms() of the sum.';

CREATE VIEW analytics.usage_by_hour AS SELECT
    start,
    NULLIF(bot_id, '00000000-0000-0000-0000-000000000000') AS bot_id,
    NULLIF(hostname, '') AS bot,
    vendor,
    NULLIF(model, '') AS model,
    NULLIF(provider_key_id, '00000000-0000-0000-0000-000000000000') AS provider_key_id,
    status,
    source,
    calls,
    settled,
    refused,
    abandoned,
    errors,
    unmetered,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_micro_usd,
    unpriced,
    durations,
    first_bytes
FROM public.usage_rollup WHERE facet = 'every' AND step = 'hour';
COMMENT ON VIEW analytics.usage_by_hour IS
    'What the calls of each hour add up to, for all that have bot, vendor, model, key, status and source alike.';
COMMENT ON COLUMN analytics.usage_by_hour.start IS
    'When the hour began in which the calls were admitted, in UTC.';
COMMENT ON COLUMN analytics.usage_by_hour.bot_id IS
    'Which bot called; null for checks of provider keys.';
COMMENT ON COLUMN analytics.usage_by_hour.bot IS
    'The hostname of that bot.';
COMMENT ON COLUMN analytics.usage_by_hour.vendor IS
    'Who was called: an id of the vendor catalog.';
COMMENT ON COLUMN analytics.usage_by_hour.model IS
    'The model that answered, else the one that was asked for.';
COMMENT ON COLUMN analytics.usage_by_hour.provider_key_id IS
    'Which key was used; see provider_keys.';
COMMENT ON COLUMN analytics.usage_by_hour.status IS
    'settled, refused or abandoned.';
COMMENT ON COLUMN analytics.usage_by_hour.source IS
    'How far the tokens can be trusted: reported, partial, estimated or none.';
COMMENT ON COLUMN analytics.usage_by_hour.calls IS
    'Calls that have ended: settled, refused and abandoned together.';
COMMENT ON COLUMN analytics.usage_by_hour.settled IS
    'Calls whose end is known.';
COMMENT ON COLUMN analytics.usage_by_hour.refused IS
    'Calls that were refused; nothing was sent.';
COMMENT ON COLUMN analytics.usage_by_hour.abandoned IS
    'Calls whose process died before their end.';
COMMENT ON COLUMN analytics.usage_by_hour.errors IS
    'Settled calls that were answered badly or not at all.';
COMMENT ON COLUMN analytics.usage_by_hour.unmetered IS
    'Calls of which no tokens are known.';
COMMENT ON COLUMN analytics.usage_by_hour.input_tokens IS
    'Tokens of prompts, cache reads and writes included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_hour.output_tokens IS
    'Tokens generated, reasoning included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_hour.cache_read_tokens IS
    'The part of input_tokens that was read from a cache.';
COMMENT ON COLUMN analytics.usage_by_hour.cache_write_tokens IS
    'The part of input_tokens that was written to a cache.';
COMMENT ON COLUMN analytics.usage_by_hour.reasoning_tokens IS
    'The part of output_tokens that was reasoning.';
COMMENT ON COLUMN analytics.usage_by_hour.cost_micro_usd IS
    'The known cost in millionths of a US dollar.';
COMMENT ON COLUMN analytics.usage_by_hour.unpriced IS
    'Calls of which the cost is not known.';
COMMENT ON COLUMN analytics.usage_by_hour.durations IS
    'Times to the last byte: add them up with sum(), ask quantile_ms() of the sum.';
COMMENT ON COLUMN analytics.usage_by_hour.first_bytes IS
    'Times to the first byte: add them up with sum(), ask quantile_ms() of the sum.';

CREATE VIEW analytics.usage_by_day AS SELECT
    start,
    NULLIF(bot_id, '00000000-0000-0000-0000-000000000000') AS bot_id,
    NULLIF(hostname, '') AS bot,
    vendor,
    NULLIF(model, '') AS model,
    NULLIF(provider_key_id, '00000000-0000-0000-0000-000000000000') AS provider_key_id,
    status,
    source,
    calls,
    settled,
    refused,
    abandoned,
    errors,
    unmetered,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_micro_usd,
    unpriced,
    durations,
    first_bytes
FROM public.usage_rollup WHERE facet = 'every' AND step = 'day';
COMMENT ON VIEW analytics.usage_by_day IS
    'What the calls of each day add up to, for all that have bot, vendor, model, key, status and source alike.';
COMMENT ON COLUMN analytics.usage_by_day.start IS
    'When the day began in which the calls were admitted, in UTC.';
COMMENT ON COLUMN analytics.usage_by_day.bot_id IS
    'Which bot called; null for checks of provider keys.';
COMMENT ON COLUMN analytics.usage_by_day.bot IS
    'The hostname of that bot.';
COMMENT ON COLUMN analytics.usage_by_day.vendor IS
    'Who was called: an id of the vendor catalog.';
COMMENT ON COLUMN analytics.usage_by_day.model IS
    'The model that answered, else the one that was asked for.';
COMMENT ON COLUMN analytics.usage_by_day.provider_key_id IS
    'Which key was used; see provider_keys.';
COMMENT ON COLUMN analytics.usage_by_day.status IS
    'settled, refused or abandoned.';
COMMENT ON COLUMN analytics.usage_by_day.source IS
    'How far the tokens can be trusted: reported, partial, estimated or none.';
COMMENT ON COLUMN analytics.usage_by_day.calls IS
    'Calls that have ended: settled, refused and abandoned together.';
COMMENT ON COLUMN analytics.usage_by_day.settled IS
    'Calls whose end is known.';
COMMENT ON COLUMN analytics.usage_by_day.refused IS
    'Calls that were refused; nothing was sent.';
COMMENT ON COLUMN analytics.usage_by_day.abandoned IS
    'Calls whose process died before their end.';
COMMENT ON COLUMN analytics.usage_by_day.errors IS
    'Settled calls that were answered badly or not at all.';
COMMENT ON COLUMN analytics.usage_by_day.unmetered IS
    'Calls of which no tokens are known.';
COMMENT ON COLUMN analytics.usage_by_day.input_tokens IS
    'Tokens of prompts, cache reads and writes included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_day.output_tokens IS
    'Tokens generated, reasoning included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_day.cache_read_tokens IS
    'The part of input_tokens that was read from a cache.';
COMMENT ON COLUMN analytics.usage_by_day.cache_write_tokens IS
    'The part of input_tokens that was written to a cache.';
COMMENT ON COLUMN analytics.usage_by_day.reasoning_tokens IS
    'The part of output_tokens that was reasoning.';
COMMENT ON COLUMN analytics.usage_by_day.cost_micro_usd IS
    'The known cost in millionths of a US dollar.';
COMMENT ON COLUMN analytics.usage_by_day.unpriced IS
    'Calls of which the cost is not known.';
COMMENT ON COLUMN analytics.usage_by_day.durations IS
    'Times to the last byte: add them up with sum(), ask quantile_ms() of the sum.';
COMMENT ON COLUMN analytics.usage_by_day.first_bytes IS
    'Times to the first byte: add them up with sum(), ask quantile_ms() of the sum.';

CREATE VIEW analytics.usage_by_month AS SELECT
    start,
    NULLIF(bot_id, '00000000-0000-0000-0000-000000000000') AS bot_id,
    NULLIF(hostname, '') AS bot,
    vendor,
    NULLIF(model, '') AS model,
    NULLIF(provider_key_id, '00000000-0000-0000-0000-000000000000') AS provider_key_id,
    status,
    source,
    calls,
    settled,
    refused,
    abandoned,
    errors,
    unmetered,
    input_tokens,
    output_tokens,
    cache_read_tokens,
    cache_write_tokens,
    reasoning_tokens,
    cost_micro_usd,
    unpriced,
    durations,
    first_bytes
FROM public.usage_rollup WHERE facet = 'every' AND step = 'month';
COMMENT ON VIEW analytics.usage_by_month IS
    'What the calls of each month add up to, for all that have bot, vendor, model, key, status and source alike.';
COMMENT ON COLUMN analytics.usage_by_month.start IS
    'When the month began in which the calls were admitted, in UTC.';
COMMENT ON COLUMN analytics.usage_by_month.bot_id IS
    'Which bot called; null for checks of provider keys.';
COMMENT ON COLUMN analytics.usage_by_month.bot IS
    'The hostname of that bot.';
COMMENT ON COLUMN analytics.usage_by_month.vendor IS
    'Who was called: an id of the vendor catalog.';
COMMENT ON COLUMN analytics.usage_by_month.model IS
    'The model that answered, else the one that was asked for.';
COMMENT ON COLUMN analytics.usage_by_month.provider_key_id IS
    'Which key was used; see provider_keys.';
COMMENT ON COLUMN analytics.usage_by_month.status IS
    'settled, refused or abandoned.';
COMMENT ON COLUMN analytics.usage_by_month.source IS
    'How far the tokens can be trusted: reported, partial, estimated or none.';
COMMENT ON COLUMN analytics.usage_by_month.calls IS
    'Calls that have ended: settled, refused and abandoned together.';
COMMENT ON COLUMN analytics.usage_by_month.settled IS
    'Calls whose end is known.';
COMMENT ON COLUMN analytics.usage_by_month.refused IS
    'Calls that were refused; nothing was sent.';
COMMENT ON COLUMN analytics.usage_by_month.abandoned IS
    'Calls whose process died before their end.';
COMMENT ON COLUMN analytics.usage_by_month.errors IS
    'Settled calls that were answered badly or not at all.';
COMMENT ON COLUMN analytics.usage_by_month.unmetered IS
    'Calls of which no tokens are known.';
COMMENT ON COLUMN analytics.usage_by_month.input_tokens IS
    'Tokens of prompts, cache reads and writes included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_month.output_tokens IS
    'Tokens generated, reasoning included, as far as known.';
COMMENT ON COLUMN analytics.usage_by_month.cache_read_tokens IS
    'The part of input_tokens that was read from a cache.';
COMMENT ON COLUMN analytics.usage_by_month.cache_write_tokens IS
    'The part of input_tokens that was written to a cache.';
COMMENT ON COLUMN analytics.usage_by_month.reasoning_tokens IS
    'The part of output_tokens that was reasoning.';
COMMENT ON COLUMN analytics.usage_by_month.cost_micro_usd IS
    'The known cost in millionths of a US dollar.';
COMMENT ON COLUMN analytics.usage_by_month.unpriced IS
    'Calls of which the cost is not known.';
COMMENT ON COLUMN analytics.usage_by_month.durations IS
    'Times to the last byte: add them up with sum(), ask quantile_ms() of the sum.';
COMMENT ON COLUMN analytics.usage_by_month.first_bytes IS
    'Times to the first byte: add them up with sum(), ask quantile_ms() of the sum.';

CREATE VIEW analytics.bots AS SELECT
    bot_id,
    hostname AS bot,
    name,
    runtime,
    tags,
    created_at
FROM public.bot_directory;
COMMENT ON VIEW analytics.bots IS
    'The bots there are.';
COMMENT ON COLUMN analytics.bots.bot_id IS
    'The id of the bot.';
COMMENT ON COLUMN analytics.bots.bot IS
    'Its hostname.';
COMMENT ON COLUMN analytics.bots.name IS
    'What people call it.';
COMMENT ON COLUMN analytics.bots.runtime IS
    'Where it runs: docker, swarm or external.';
COMMENT ON COLUMN analytics.bots.tags IS
    'Its tags, a JSON list.';
COMMENT ON COLUMN analytics.bots.created_at IS
    'When it was made.';

CREATE VIEW analytics.provider_keys AS SELECT
    key_id AS provider_key_id,
    vendor,
    label,
    last4,
    status,
    created_at
FROM public.key_ring;
COMMENT ON VIEW analytics.provider_keys IS
    'The provider keys there are; no secrets.';
COMMENT ON COLUMN analytics.provider_keys.provider_key_id IS
    'The id of the key.';
COMMENT ON COLUMN analytics.provider_keys.vendor IS
    'Whose key it is.';
COMMENT ON COLUMN analytics.provider_keys.label IS
    'What people call it.';
COMMENT ON COLUMN analytics.provider_keys.last4 IS
    'The last four characters of the secret.';
COMMENT ON COLUMN analytics.provider_keys.status IS
    'active, cooling, no_funds, disabled or dead.';
COMMENT ON COLUMN analytics.provider_keys.created_at IS
    'When it was added.';

CREATE VIEW analytics.audit_events AS SELECT
    at,
    log,
    position,
    stream_id,
    version,
    kind,
    type,
    actor,
    correlation_id,
    causation_id
FROM public.audit_trail;
COMMENT ON VIEW analytics.audit_events IS
    'Everything that was recorded: what, when and by whom.';
COMMENT ON COLUMN analytics.audit_events.at IS
    'When it was recorded.';
COMMENT ON COLUMN analytics.audit_events.log IS
    'In which log: fleet or calls.';
COMMENT ON COLUMN analytics.audit_events.position IS
    'Its place in that log.';
COMMENT ON COLUMN analytics.audit_events.stream_id IS
    'What it happened to.';
COMMENT ON COLUMN analytics.audit_events.version IS
    'Its place in the stream of that.';
COMMENT ON COLUMN analytics.audit_events.kind IS
    'What kind of thing that is: bot, key, call, quota and so on.';
COMMENT ON COLUMN analytics.audit_events.type IS
    'What happened.';
COMMENT ON COLUMN analytics.audit_events.actor IS
    'Who did it: user:, bot: or system: and an id.';
COMMENT ON COLUMN analytics.audit_events.correlation_id IS
    'The same for all that came of one request.';
COMMENT ON COLUMN analytics.audit_events.causation_id IS
    'What it followed from.';

CREATE VIEW analytics.positions AS SELECT
    view,
    log,
    position
FROM public.view_position WHERE view IN ('call_log', 'usage_rollup', 'bot_directory', 'key_ring', 'audit_trail');
COMMENT ON VIEW analytics.positions IS
    'How far in the logs the numbers here are.';
COMMENT ON COLUMN analytics.positions.view IS
    'The table that the views here are made of.';
COMMENT ON COLUMN analytics.positions.log IS
    'Which log it follows.';
COMMENT ON COLUMN analytics.positions.position IS
    'How far in that log it is.';

DO $$
DECLARE
    named text;
BEGIN
    FOREACH named IN ARRAY ARRAY['call_log', 'usage_rollup', 'bot_directory', 'key_ring',
                                 'audit_trail'] LOOP
        EXECUTE format('GRANT SELECT ON public.%I TO clawbot_analytics', named);
        EXECUTE format('CREATE POLICY analyst ON public.%I FOR SELECT TO clawbot_analytics '
                       'USING (team_id = analytics.team())', named);
    END LOOP;
    FOR named IN SELECT viewname FROM pg_catalog.pg_views WHERE schemaname = 'analytics' LOOP
        EXECUTE format('ALTER VIEW analytics.%I OWNER TO clawbot_analytics', named);
        EXECUTE format('GRANT SELECT ON analytics.%I TO clawbot_analyst', named);
    END LOOP;
END
$$;
GRANT USAGE ON SCHEMA public TO clawbot_analytics;
GRANT SELECT ON public.view_position TO clawbot_analytics;
REVOKE CREATE ON SCHEMA analytics FROM clawbot_analytics;
