INSERT INTO head (one, seq, revocation) VALUES (1, 0, 0)
