ALTER TABLE signing_key RENAME COLUMN retires_at TO leaves_at;
ALTER TABLE signing_key ADD COLUMN published_at BIGINT;
ALTER TABLE signing_key ADD COLUMN retired_at BIGINT;
ALTER TABLE signing_key ADD COLUMN due_at BIGINT;
ALTER TABLE signing_key ADD COLUMN tainted_at BIGINT;
ALTER TABLE signing_key ADD COLUMN longest_token BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_key ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
UPDATE signing_key SET published_at = created_at;
UPDATE signing_key SET longest_token = 3600 WHERE purpose <> 'audit'
