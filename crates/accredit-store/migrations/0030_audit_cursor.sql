-- How far each sink has each chain: everything before (number, place) was confirmed. Whoever delivers a chain holds it until
-- a time, so that of several servers one does.
CREATE TABLE audit_cursor (
    sink TEXT NOT NULL,
    chain BIGINT NOT NULL REFERENCES audit_chain (ordinal),
    number BIGINT NOT NULL,
    place BIGINT NOT NULL,
    holder BYTEA NOT NULL,
    held_until BIGINT NOT NULL,
    PRIMARY KEY (sink, chain)
)
