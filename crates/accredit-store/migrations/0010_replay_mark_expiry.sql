CREATE INDEX replay_mark_expiry ON replay_mark (expires_at)
