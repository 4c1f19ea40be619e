-- The oldest schema whose programs may go on beside this step, once it is taken.
ALTER TABLE schema_step ADD COLUMN oldest BIGINT NOT NULL DEFAULT 0
