-- One row for each time that this store was made anew from a backup.
CREATE TABLE restoration (
    epoch BIGINT PRIMARY KEY,
    restored_at BIGINT NOT NULL,
    made_at BIGINT NOT NULL,
    made_seq BIGINT NOT NULL,
    reviewed_at BIGINT
)
