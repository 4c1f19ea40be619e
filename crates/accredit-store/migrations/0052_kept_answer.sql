-- What was answered to a write that came with an idempotency key, written with what it did. `asked` is a hash of who asked, with
-- which rights and which key. No ledger counts these rows: one that is gone is judged anew, one that is altered counts no more.
CREATE TABLE kept_answer (
    asked BYTEA PRIMARY KEY,
    actor BYTEA NOT NULL,
    request BYTEA NOT NULL,
    kept_at BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    status BIGINT NOT NULL,
    etag TEXT,
    place TEXT,
    body BYTEA NOT NULL,
    seal BYTEA
)
