-- Where in the calls log a month stood that is out: from its first position to its last, and
-- when that was recorded.

ALTER TABLE calls_month_detached
    ADD COLUMN first_position bigint,
    ADD COLUMN last_position bigint,
    ADD COLUMN last_at timestamptz;
-- Of those that are out already only this is known: they are among what is sealed and gone.
UPDATE calls_month_detached SET (first_position, last_position, last_at) = (
    SELECT min(l.position), max(l.position), detached_at FROM log_leaf AS l
    WHERE l.log = 'calls' AND NOT EXISTS (
        SELECT FROM calls_events AS e WHERE e.notification_id = l.position));
ALTER TABLE calls_month_detached
    ALTER COLUMN first_position SET NOT NULL,
    ALTER COLUMN last_position SET NOT NULL,
    ALTER COLUMN last_at SET NOT NULL;

-- Whoever asks how long the log is counts what is out.
GRANT SELECT ON calls_month_detached TO clawbot_proxy, clawbot_worker, clawbot_sealer;
