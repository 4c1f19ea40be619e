-- Which bundle of its trust domain each node handed on when it was last seen. It delays the next key at most, so it is not
-- sealed.
CREATE TABLE bundle_confirmation (
    domain TEXT NOT NULL,
    node TEXT NOT NULL,
    bundle_seq BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (domain, node)
)
