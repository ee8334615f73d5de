-- Which token a call came with: what a leaked one was used for is asked by it.
ALTER TABLE call_log ADD COLUMN token_id text;
CREATE INDEX call_log_token ON call_log (team_id, token_id) WHERE token_id IS NOT NULL;
