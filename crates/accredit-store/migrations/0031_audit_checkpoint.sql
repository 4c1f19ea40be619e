-- Where a chain begins since its oldest batches were removed: the last one that was, its hash, and a signature over both.
CREATE TABLE audit_checkpoint (
    chain BIGINT NOT NULL PRIMARY KEY REFERENCES audit_chain (ordinal),
    number BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    records BIGINT NOT NULL,
    signed_at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL
)
