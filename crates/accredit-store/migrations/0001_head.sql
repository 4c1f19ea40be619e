CREATE TABLE head (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL,
    revocation BIGINT NOT NULL
)
