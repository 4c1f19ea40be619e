-- One row for each resource that a change touched, holding what was there before (`was_name` null: nothing was).
-- With the present rows this rebuilds every earlier state, and no body is stored twice.
CREATE TABLE resource_history (
    seq BIGINT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    action TEXT NOT NULL,
    was_owner TEXT,
    was_name TEXT,
    was_enabled BOOLEAN,
    was_revision BIGINT,
    was_body TEXT,
    PRIMARY KEY (seq, id)
)
