-- One more facet of usage, of whatever names no bot (see projections/usage_rollup.py), told
-- from what is there. Projectors of before, which would not go on with it, move nothing any
-- more: the version of the rows is another.
SET LOCAL ROLE clawbot_projector;
UPDATE view_position SET version = 2 WHERE view = 'usage_rollup';
INSERT INTO usage_rollup
SELECT sum(calls), sum(settled), sum(refused), sum(abandoned), sum(unmetered),
    sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
    sum(reasoning_tokens), sum(cost_micro_usd), sum(unpriced), sum(errors),
    sum(durations), sum(first_bytes),
    team_id, 'any_bot', step, start, '00000000-0000-0000-0000-000000000000', '',
    vendor, model, provider_key_id, status, source
FROM usage_rollup WHERE facet = 'every'
GROUP BY team_id, step, start, vendor, model, provider_key_id, status, source;
RESET ROLE;

-- What is asked of one bot by the minute or hour is few rows, strewn among those of all bots.
CREATE INDEX usage_rollup_minute_bot ON usage_rollup_minute
    (team_id, hostname, start, model, status) WHERE facet = 'every';
CREATE INDEX usage_rollup_hour_bot ON usage_rollup_hour
    (team_id, facet, hostname, start, model, status) WHERE facet IN ('bot', 'every');
