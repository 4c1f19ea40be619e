-- What trust rests on carries a tag under a key that is not in the database. A seal is the sequence at which its row was
-- written and the tag over both; the ledger counts the rows that there must be.
ALTER TABLE head ADD COLUMN ledger BYTEA;
ALTER TABLE head ADD COLUMN seal BYTEA;
ALTER TABLE resource ADD COLUMN seal BYTEA;
ALTER TABLE signing_key ADD COLUMN seal BYTEA;
ALTER TABLE name_pin ADD COLUMN seal BYTEA;
ALTER TABLE revoked_token ADD COLUMN seal BYTEA
