-- A chain that was opened while the one before it may go on: several servers write at the same time.
ALTER TABLE audit_chain ADD COLUMN beside BOOLEAN NOT NULL DEFAULT FALSE
