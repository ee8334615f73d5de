-- The last checkpoint is asked for with every proof.
CREATE INDEX log_checkpoint_latest ON log_checkpoint (signed_at DESC, size DESC);
