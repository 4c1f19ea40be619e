-- Counts what other servers of the store have to hear of though no decision rests on it alone: tokens that were revoked,
-- pins, what tokens were seen to show. A row bears the count at which it was written last.
ALTER TABLE head ADD COLUMN news BIGINT NOT NULL DEFAULT 0;
ALTER TABLE revoked_token ADD COLUMN news BIGINT NOT NULL DEFAULT 0;
ALTER TABLE name_pin ADD COLUMN news BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sighting ADD COLUMN news BIGINT NOT NULL DEFAULT 0;
CREATE INDEX revoked_token_news ON revoked_token (news);
CREATE INDEX name_pin_news ON name_pin (news);
CREATE INDEX sighting_news ON sighting (news)
