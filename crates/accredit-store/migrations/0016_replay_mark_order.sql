CREATE INDEX replay_mark_end ON replay_mark (provider, expires_at);
DROP INDEX replay_mark_expiry
