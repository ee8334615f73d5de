-- Who is erased is asked for at every start, and after a restore; so few have an entry here
-- that it costs nothing to keep.
CREATE INDEX fleet_events_erased_idx ON fleet_events (originator_id)
WHERE topic = 'user.erased';
