CREATE TABLE audit_head (
    chain BIGINT NOT NULL REFERENCES audit_chain (ordinal),
    number BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    signed_at BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (chain, number, key_id)
)
