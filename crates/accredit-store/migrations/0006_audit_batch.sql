-- Wide columns last: a walk over the narrow ones then leaves their pages alone.
CREATE TABLE audit_batch (
    chain BIGINT NOT NULL REFERENCES audit_chain (ordinal),
    number BIGINT NOT NULL,
    written_at BIGINT NOT NULL,
    records BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    previous BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    summary BYTEA NOT NULL,
    erasable BYTEA,
    body BYTEA NOT NULL
)
