-- What a federation, or a provider whose keys are a bundle's, has of its foreign trust domain: the document as it was fetched, by
-- what its endpoint was known at first, and how often another one took its place.
CREATE TABLE bundle (
    owner TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    origin TEXT NOT NULL,
    revision BIGINT NOT NULL,
    fetched_at BIGINT NOT NULL,
    news BIGINT NOT NULL,
    seal BYTEA
)
