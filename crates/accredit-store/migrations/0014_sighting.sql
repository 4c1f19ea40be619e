CREATE TABLE sighting (
    provider TEXT NOT NULL,
    code TEXT NOT NULL,
    thing TEXT NOT NULL,
    id TEXT NOT NULL,
    alarm BOOLEAN NOT NULL,
    first_seen BIGINT NOT NULL,
    last_seen BIGINT NOT NULL,
    decision BYTEA NOT NULL,
    acknowledged TEXT,
    PRIMARY KEY (provider, code, thing)
)
