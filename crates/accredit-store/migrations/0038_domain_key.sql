-- Keys of trust domains: whose they are, the certificates of an authority, and the bundle with which one came or left.
ALTER TABLE signing_key ADD COLUMN domain TEXT;
ALTER TABLE signing_key ADD COLUMN chain BYTEA;
ALTER TABLE signing_key ADD COLUMN bundle_seq BIGINT
