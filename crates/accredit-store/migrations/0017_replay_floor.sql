CREATE TABLE replay_floor (
    provider TEXT NOT NULL PRIMARY KEY,
    ended_before BIGINT NOT NULL,
    issued_before BIGINT NOT NULL
)
