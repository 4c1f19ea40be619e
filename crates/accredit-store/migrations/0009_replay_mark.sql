CREATE TABLE replay_mark (
    provider TEXT NOT NULL,
    token BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    decision BYTEA NOT NULL,
    same BYTEA,
    PRIMARY KEY (provider, token)
)
