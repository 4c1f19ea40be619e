-- Tokens that were revoked before their end, by the decision that issued them. A row is of no use once its token has ended.
CREATE TABLE revoked_token (
    decision BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
)
