-- Which version of its projector a view's rows are of: who follows with another one moves
-- nothing. Policies have one version only.
ALTER TABLE view_position ADD COLUMN version bigint NOT NULL DEFAULT 1;
