-- Who made a bot: quotas of a member apply to the bots that the member made. The view is
-- folded again from the log's beginning.
TRUNCATE bot_routes;
DELETE FROM view_position WHERE view = 'bot_routes';
ALTER TABLE bot_routes ADD COLUMN owner_id uuid;
