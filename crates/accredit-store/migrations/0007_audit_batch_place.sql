-- The only index of the log, so that a commit pays for one. It carries the summaries: a search by record id reads this
-- index alone, a few bytes for each record. That a place is taken once is seen to by the statement that appends.
CREATE INDEX audit_batch_place ON audit_batch (chain, number, summary)
