CREATE TABLE resource (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    owner TEXT,
    name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (kind, name)
)
