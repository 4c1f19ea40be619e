CREATE TABLE name_pin (
    mapping TEXT NOT NULL,
    claim TEXT NOT NULL,
    name TEXT NOT NULL,
    id_claim TEXT NOT NULL,
    id TEXT NOT NULL,
    decision BYTEA NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (mapping, claim, name)
)
