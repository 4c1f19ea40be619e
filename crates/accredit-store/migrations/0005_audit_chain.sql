CREATE TABLE audit_chain (
    ordinal BIGINT PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    opened_at BIGINT NOT NULL,
    follows_chain BYTEA,
    follows_number BIGINT,
    follows_hash BYTEA,
    hash BYTEA NOT NULL,
    erased_to BIGINT NOT NULL
)
