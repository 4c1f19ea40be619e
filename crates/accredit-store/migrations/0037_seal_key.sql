-- The key of the seals, itself sealed under the key-encryption key.
CREATE TABLE seal_key (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    wrapped BYTEA NOT NULL,
    kek_id TEXT NOT NULL
)
