//! The statements, in one text that every database runs: `$n` placeholders, `ON CONFLICT`, `RETURNING`, no dialect.
//!
//! A statement that changes something and returns rows is read to its end (`fetch_all`): a reader that stops at the first
//! row would not hear of a commit that fails behind it.

use crate::multi_row::MultiRow;

// Schema.
pub(crate) const MAKE_SCHEMA_STEPS: &str = "CREATE TABLE IF NOT EXISTS schema_step (number BIGINT PRIMARY KEY)";
pub(crate) const SCHEMA_STEPS: &str = "SELECT number FROM schema_step";
pub(crate) const OLDEST_SCHEMA: &str = "SELECT coalesce(max(oldest), 0) FROM schema_step";
pub(crate) const SPARE_SCHEMA_STEP: &str = "UPDATE schema_step SET oldest = $2 WHERE number = $1";
pub(crate) const TAKE_SCHEMA_STEP: &str = "INSERT INTO schema_step (number) VALUES ($1)";

// Copying. The first two are asked of SQLite alone, whatever is copied: of a new store, for what there is.
pub(crate) const TABLE_NAMES: &str = "\
SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_step' ORDER BY name <> 'audit_chain', name";
pub(crate) const TABLE_COLUMNS: &str = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
pub(crate) const FORGET_HEAD: &str = "DELETE FROM head";

/// Asked where servers share a database, which then is PostgreSQL.
pub(crate) const CONNECTIONS: &str = "\
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' \
AND pid <> pg_backend_pid()";

/// Asked where servers share a database, which then is PostgreSQL.
pub(crate) const DATABASE_CLOCK: &str = "SELECT CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)";

// Head. The update comes first in every change: its row lock makes the sequence the order of commits.
pub(crate) const HEAD: &str = "SELECT seq, revocation FROM head";
pub(crate) const ADVANCE_HEAD: &str = "\
UPDATE head SET seq = seq + 1, revocation = CASE WHEN $1 THEN seq + 1 ELSE revocation END RETURNING seq, revocation";
/// Counts what is no change. Like a change it waits for the row, so that its count is the order of commits, too.
pub(crate) const ADD_NEWS: &str = "UPDATE head SET news = news + 1 RETURNING news";
/// Waits for the row and holds it to the end of the transaction.
pub(crate) const HOLD_HEAD: &str = "UPDATE head SET news = news";
pub(crate) const HEAD_AND_NEWS: &str = "\
SELECT seq, revocation, news, (SELECT coalesce(max(oldest), 0) FROM schema_step) FROM head";

// Restorations.
pub(crate) const TAKE_HEAD: &str = "DELETE FROM head";
pub(crate) const PUT_RESTORATION: &str = "\
INSERT INTO restoration (epoch, restored_at, made_at, made_seq, reviewed_at) VALUES ($1, $2, $3, $4, NULL)";
pub(crate) const LAST_RESTORATION: &str = "\
SELECT epoch, restored_at, made_at, made_seq, reviewed_at FROM restoration ORDER BY epoch DESC LIMIT 1";

// Seals.
pub(crate) const SEALED_HEAD: &str = "SELECT seq, revocation, ledger, seal FROM head";
pub(crate) const LOCK_HEAD: &str = "UPDATE head SET seq = seq RETURNING seq, revocation, ledger, seal";
pub(crate) const SEAL_HEAD: &str = "UPDATE head SET ledger = $1, seal = $2";
pub(crate) const SEAL_RESOURCE: &str = "UPDATE resource SET seal = $2 WHERE id = $1";
pub(crate) const SEAL_KEY: &str = "UPDATE signing_key SET seal = $2 WHERE id = $1";
pub(crate) const SEAL_PIN: &str = "UPDATE name_pin SET seal = $4 WHERE mapping = $1 AND claim = $2 AND name = $3";
pub(crate) const SEAL_REVOKED: &str = "UPDATE revoked_token SET seal = $2 WHERE decision = $1";
pub(crate) const KEY_SEALS: &str = "SELECT id, seal FROM signing_key";
pub(crate) const KEY_OF_SEALS: &str = "SELECT wrapped, kek_id FROM seal_key";
pub(crate) const PUT_KEY_OF_SEALS: &str = "INSERT INTO seal_key (one, wrapped, kek_id) VALUES (1, $1, $2)";
pub(crate) const REWRAP_KEY_OF_SEALS: &str = "UPDATE seal_key SET wrapped = $1, kek_id = $2";

// Resources.
pub(crate) const RESOURCES_AFTER: &str = "\
SELECT kind, id, owner, name, enabled, revision, body, seal FROM resource WHERE id > $1 ORDER BY id LIMIT $2";
pub(crate) const RESOURCES_CHANGED_SINCE: &str = "\
SELECT kind, id, owner, name, enabled, revision, body, seal FROM resource \
WHERE id IN (SELECT id FROM resource_history WHERE seq > $1)";
pub(crate) const RESOURCES_GONE_SINCE: &str = "\
SELECT DISTINCT h.kind, h.id FROM resource_history h WHERE h.seq > $1 \
AND NOT EXISTS (SELECT 1 FROM resource r WHERE r.id = h.id AND r.kind = h.kind)";
pub(crate) const HISTORY_SINCE: &str = "\
SELECT seq, id, kind, was_owner, was_name, was_enabled, was_revision, was_body FROM resource_history \
WHERE seq > $1 AND (seq, id) > ($2, $3) ORDER BY seq, id LIMIT $4";
pub(crate) const RESOURCE_BEHIND: &str = "\
SELECT seq, id, kind, was_owner, was_name, was_enabled, was_revision, was_body FROM resource_history \
WHERE id = $1 AND seq > $2 ORDER BY seq LIMIT 1";
pub(crate) static PUT_RESOURCES: MultiRow =
    MultiRow::new("INSERT INTO resource (kind, id, owner, name, enabled, revision, body, seal) VALUES ", 8, "");
pub(crate) static TAKE_RESOURCES: MultiRow = MultiRow::new(
    "DELETE FROM resource WHERE id IN (VALUES ",
    1,
    ") RETURNING kind, id, owner, name, enabled, revision, body, seal",
);
pub(crate) static NAMES_TAKEN: MultiRow =
    MultiRow::new("SELECT kind, name, id FROM resource WHERE (kind, name) IN (VALUES ", 2, ")");
pub(crate) static PUT_HISTORY: MultiRow = MultiRow::new(
    "INSERT INTO resource_history \
     (seq, id, kind, action, was_owner, was_name, was_enabled, was_revision, was_body) VALUES ",
    9,
    "",
);

// Replay marks.
pub(crate) static CLAIM_MARKS: MultiRow = MultiRow::new(
    "INSERT INTO replay_mark (provider, token, expires_at, decision, same, spent_at) VALUES ",
    6,
    " ON CONFLICT (provider, token) DO NOTHING RETURNING provider, token",
);
pub(crate) static MARKS_TAKEN: MultiRow = MultiRow::new(
    "SELECT provider, token, decision, same, spent_at FROM replay_mark WHERE (provider, token) IN (VALUES ",
    2,
    ")",
);
pub(crate) static RETURN_MARKS: MultiRow =
    MultiRow::new("DELETE FROM replay_mark WHERE (provider, token) IN (VALUES ", 2, ")");
pub(crate) const MARKS_ENDED: &str = "\
SELECT EXISTS (SELECT 1 FROM replay_mark WHERE provider = $1 AND expires_at < $2)";
pub(crate) const FORGET_MARKS: &str = "\
DELETE FROM replay_mark WHERE (provider, token) IN \
(SELECT provider, token FROM replay_mark WHERE provider = $1 AND expires_at < $2 ORDER BY expires_at LIMIT $3)";
pub(crate) const COUNT_MARKS: &str = "\
SELECT count(*) FROM (SELECT 1 FROM replay_mark WHERE provider = $1 LIMIT $2) AS held";
pub(crate) static MARK_FLOORS: MultiRow =
    MultiRow::new("SELECT provider, ended_before, issued_before FROM replay_floor WHERE provider IN (VALUES ", 1, ")");
// A floor never sinks. CASE, since databases spell the greater of two values differently.
pub(crate) const RAISE_MARK_FLOOR: &str = "\
INSERT INTO replay_floor (provider, ended_before, issued_before) VALUES ($1, $2, $3) ON CONFLICT (provider) DO UPDATE SET \
ended_before = CASE WHEN excluded.ended_before > replay_floor.ended_before \
THEN excluded.ended_before ELSE replay_floor.ended_before END, \
issued_before = CASE WHEN excluded.issued_before > replay_floor.issued_before \
THEN excluded.issued_before ELSE replay_floor.issued_before END";

// Revoked tokens.
pub(crate) const PUT_REVOKED: &str = "\
INSERT INTO revoked_token (decision, expires_at, news, seal) VALUES ($1, $2, $3, $4) \
ON CONFLICT (decision) DO NOTHING";
pub(crate) const REVOKED_ENDED: &str = "SELECT decision, expires_at, seal FROM revoked_token WHERE expires_at < $1";
pub(crate) static FORGET_REVOKED: MultiRow =
    MultiRow::new("DELETE FROM revoked_token WHERE decision IN (VALUES ", 1, ")");
pub(crate) const REVOKED: &str =
    "SELECT decision, expires_at, seal FROM revoked_token WHERE news > $1 ORDER BY decision";
pub(crate) static REVOKED_AMONG: MultiRow =
    MultiRow::new("SELECT decision FROM revoked_token WHERE decision IN (VALUES ", 1, ")");

// First-use pins.
pub(crate) const PINS: &str = "\
SELECT mapping, claim, name, id_claim, id, decision, pinned_at, seal FROM name_pin \
WHERE news > $1 ORDER BY mapping, claim, name";
pub(crate) static PINS_THERE: MultiRow = MultiRow::new(
    "SELECT mapping, claim, name, id_claim, id, decision, pinned_at, seal FROM name_pin \
     WHERE (mapping, claim, name) IN (VALUES ",
    3,
    ")",
);
pub(crate) static PUT_PINS: MultiRow = MultiRow::new(
    "INSERT INTO name_pin (mapping, claim, name, id_claim, id, decision, pinned_at, news, seal) VALUES ",
    9,
    "",
);
pub(crate) static DELETE_PINS: MultiRow = MultiRow::new(
    "DELETE FROM name_pin WHERE (mapping, claim, name) IN (VALUES ",
    3,
    ") RETURNING mapping, claim, name, seal",
);
pub(crate) static DELETE_PINS_OF: MultiRow =
    MultiRow::new("DELETE FROM name_pin WHERE mapping IN (VALUES ", 1, ") RETURNING mapping, claim, name, seal");

// Sightings.
pub(crate) const SIGHTINGS: &str = "\
SELECT provider, code, thing, id, alarm, first_seen, last_seen, decision, acknowledged FROM sighting \
WHERE news > $1 ORDER BY provider, code, thing";
pub(crate) static PUT_SIGHTINGS: MultiRow = MultiRow::new(
    "INSERT INTO sighting \
     (provider, code, thing, id, alarm, first_seen, last_seen, decision, acknowledged, news) VALUES ",
    10,
    " ON CONFLICT (provider, code, thing) DO NOTHING",
);
pub(crate) const ACKNOWLEDGE_SIGHTING: &str = "UPDATE sighting SET acknowledged = $2, news = $3 WHERE id = $1";
pub(crate) const SIGHTING_SEEN: &str = "UPDATE sighting SET last_seen = $2 WHERE id = $1 AND last_seen < $2";
pub(crate) static DELETE_SIGHTINGS_OF: MultiRow =
    MultiRow::new("DELETE FROM sighting WHERE provider IN (VALUES ", 1, ")");

// Bundles of foreign trust domains.
pub(crate) const BUNDLES: &str =
    "SELECT owner, document, origin, revision, fetched_at, seal FROM bundle WHERE news > $1 ORDER BY owner";
pub(crate) const BUNDLE_OF: &str =
    "SELECT owner, document, origin, revision, fetched_at, seal FROM bundle WHERE owner = $1";
pub(crate) const PUT_BUNDLE: &str = "\
INSERT INTO bundle (owner, document, origin, revision, fetched_at, news, seal) VALUES ($1, $2, $3, $4, $5, $6, $7) \
ON CONFLICT (owner) DO UPDATE SET document = excluded.document, origin = excluded.origin, \
revision = excluded.revision, fetched_at = excluded.fetched_at, news = excluded.news, seal = excluded.seal";
pub(crate) static DELETE_BUNDLES_OF: MultiRow =
    MultiRow::new("DELETE FROM bundle WHERE owner IN (VALUES ", 1, ") RETURNING owner, seal");
pub(crate) const SEAL_BUNDLE: &str = "UPDATE bundle SET seal = $2 WHERE owner = $1";
pub(crate) const RESOURCE_EXISTS: &str = "SELECT count(*) FROM resource WHERE id = $1 HAVING count(*) > 0";

// The log.
pub(crate) const LAST_CHAIN: &str = "\
SELECT ordinal, id FROM audit_chain ORDER BY ordinal DESC LIMIT 1";
pub(crate) const OPEN_CHAIN: &str = "\
INSERT INTO audit_chain (ordinal, id, opened_at, follows_chain, follows_number, follows_hash, hash, beside, erased_to) \
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)";
pub(crate) const CHAINS: &str = "\
SELECT ordinal, id, opened_at, follows_chain, follows_number, follows_hash, hash, beside, erased_to FROM audit_chain \
ORDER BY ordinal";
pub(crate) const CHAIN_ORIGIN: &str = "SELECT hash FROM audit_chain WHERE ordinal = $1";
pub(crate) const CHAIN_ID: &str = "SELECT id FROM audit_chain WHERE ordinal = $1";
pub(crate) const CHAIN_TAIL: &str = "\
SELECT number, hash FROM audit_batch WHERE chain = $1 ORDER BY number DESC LIMIT 1";
/// Appends where the chain ends, and nowhere else.
pub(crate) const APPEND_BATCH: &str = "\
INSERT INTO audit_batch (chain, number, written_at, records, bytes, previous, hash, summary, erasable, body) \
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 \
WHERE coalesce((SELECT max(number) FROM audit_batch WHERE chain = $1), \
(SELECT number FROM audit_checkpoint WHERE chain = $1), 0) + 1 = $2";
/// The same, and only while nothing was revoked after `$11`.
pub(crate) const APPEND_BATCH_IF_CURRENT: &str = "\
INSERT INTO audit_batch (chain, number, written_at, records, bytes, previous, hash, summary, erasable, body) \
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 \
WHERE coalesce((SELECT max(number) FROM audit_batch WHERE chain = $1), \
(SELECT number FROM audit_checkpoint WHERE chain = $1), 0) + 1 = $2 \
AND (SELECT revocation FROM head) <= $11";
pub(crate) const NEXT_BATCH_NUMBER: &str = "SELECT min(number) FROM audit_batch WHERE chain = $1 AND number > $2";
pub(crate) const BATCHES_BETWEEN: &str = "\
SELECT number, written_at, records, bytes, previous, hash, summary, erasable, body FROM audit_batch \
WHERE chain = $1 AND number >= $2 AND number <= $3 ORDER BY number";
pub(crate) const BATCHES_UP_TO: &str = "\
SELECT b.chain, c.id, b.number, b.written_at, b.erasable, b.body \
FROM audit_batch b JOIN audit_chain c ON c.ordinal = b.chain \
WHERE (b.chain, b.number) <= ($1, $2) ORDER BY b.chain DESC, b.number DESC LIMIT $3";
/// Chains that were open by a time, newest first, and how far each goes.
pub(crate) const CHAINS_OPEN_BY: &str = "\
SELECT c.ordinal, (SELECT max(b.number) FROM audit_batch b WHERE b.chain = c.ordinal) \
FROM audit_chain c WHERE c.opened_at <= $1 ORDER BY c.ordinal DESC LIMIT $2";
pub(crate) const CHAINS_BESIDE: &str = "SELECT count(*) FROM audit_chain WHERE beside";
/// The last batch of each chain that has one, and when it was written.
pub(crate) const CHAIN_ENDS: &str = "\
SELECT b.chain, b.number, b.written_at FROM audit_chain c JOIN audit_batch b ON b.chain = c.ordinal \
AND b.number = (SELECT max(e.number) FROM audit_batch e WHERE e.chain = c.ordinal)";
pub(crate) const BATCHES_OF: &str = "\
SELECT b.chain, c.id, b.number, b.written_at, b.erasable, b.body \
FROM audit_batch b JOIN audit_chain c ON c.ordinal = b.chain \
WHERE b.chain = $1 AND b.number <= $2 ORDER BY b.number DESC LIMIT $3";
pub(crate) const BATCH_TIME_FROM: &str = "\
SELECT written_at FROM audit_batch WHERE chain = $1 AND number >= $2 ORDER BY chain, number LIMIT 1";
pub(crate) const ERASE_VALUES: &str = "\
UPDATE audit_batch SET erasable = NULL \
WHERE chain = $1 AND number > $2 AND number <= $3 AND erasable IS NOT NULL";
pub(crate) const FIRST_NOT_BEFORE: &str = "\
SELECT min(number) FROM audit_batch WHERE chain = $1 AND number > $2 AND number <= $3 AND written_at >= $4";
pub(crate) const ERASED_TO: &str = "UPDATE audit_chain SET erased_to = $2 WHERE ordinal = $1";
pub(crate) const PUT_HEAD: &str = "\
INSERT INTO audit_head (chain, number, key_id, signed_at, hash, signature) \
SELECT ordinal, $2, $3, $4, $5, $6 FROM audit_chain WHERE id = $1 \
ON CONFLICT (chain, number, key_id) DO NOTHING";
pub(crate) const HEADS_BETWEEN: &str = "\
SELECT number, key_id, signed_at, hash, signature FROM audit_head \
WHERE chain = $1 AND number > $2 AND number <= $3 ORDER BY number";
/// Where the oldest batches of a chain were removed, its tail may be gone with them.
pub(crate) const CHECKPOINT: &str = "\
SELECT number, hash, records, signed_at, key_id, signature FROM audit_checkpoint WHERE chain = $1";
pub(crate) const PUT_CHECKPOINT: &str = "\
INSERT INTO audit_checkpoint (chain, number, hash, records, signed_at, key_id, signature) \
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (chain) DO UPDATE SET number = excluded.number, \
hash = excluded.hash, records = excluded.records, signed_at = excluded.signed_at, key_id = excluded.key_id, \
signature = excluded.signature";
pub(crate) const REMOVE_BATCHES: &str = "DELETE FROM audit_batch WHERE chain = $1 AND number <= $2";
pub(crate) const REMOVE_HEADS: &str = "DELETE FROM audit_head WHERE chain = $1 AND number <= $2";
/// Records by the summaries, which are in the index: bodies are not touched.
pub(crate) const RECORDS_FROM: &str = "\
SELECT CAST(coalesce(sum(length(summary)), 0) / 4 AS BIGINT), max(number) FROM audit_batch \
WHERE chain = $1 AND number >= $2 AND number <= $3";
pub(crate) const BATCH_SIZES_FROM: &str = "\
SELECT number, bytes FROM audit_batch WHERE chain = $1 AND number >= $2 ORDER BY number LIMIT $3";
pub(crate) const BATCHES_WITHIN: &str = "\
SELECT b.chain, c.id, b.number, b.written_at, b.erasable, b.body \
FROM audit_batch b JOIN audit_chain c ON c.ordinal = b.chain \
WHERE b.chain = $1 AND b.number >= $2 AND b.number <= $3 ORDER BY b.number";
pub(crate) const ERASABLE_WITHIN: &str = "\
SELECT b.chain, c.id, b.number, b.written_at, b.erasable, b.body \
FROM audit_batch b JOIN audit_chain c ON c.ordinal = b.chain \
WHERE b.chain = $1 AND b.number >= $2 AND b.number <= $3 AND b.erasable IS NOT NULL ORDER BY b.number";
pub(crate) const ERASABLE_OF: &str = "SELECT erasable FROM audit_batch WHERE chain = $1 AND number = $2";
pub(crate) const PUT_ERASABLE: &str = "UPDATE audit_batch SET erasable = $3 WHERE chain = $1 AND number = $2";

// How far sinks have the log.
/// `$2` delivers to sink `$1`, and who has not been heard of until `$3` does so no more. A chain that nobody has taken yet is
/// its own process's for a while.
pub(crate) const DUE_CHAINS: &str = "\
SELECT c.ordinal, coalesce(k.number, 1), coalesce(k.place, 0) \
FROM audit_chain c LEFT JOIN audit_cursor k ON k.sink = $1 AND k.chain = c.ordinal \
WHERE (k.holder = $2 OR k.held_until < $3 OR (k.chain IS NULL AND (c.id = $2 OR c.opened_at < $3 - 60))) \
AND EXISTS (SELECT 1 FROM audit_batch b WHERE b.chain = c.ordinal AND b.number >= coalesce(k.number, 1)) \
ORDER BY c.ordinal";
pub(crate) const HOLD_CHAIN: &str = "\
INSERT INTO audit_cursor (sink, chain, number, place, holder, held_until) VALUES ($1, $2, 1, 0, $3, $4) \
ON CONFLICT (sink, chain) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until \
WHERE audit_cursor.holder = excluded.holder OR audit_cursor.held_until < $5 RETURNING number, place";
pub(crate) const MOVE_CURSOR: &str = "\
UPDATE audit_cursor SET number = $4, place = $5, held_until = $6 WHERE sink = $1 AND chain = $2 AND holder = $3";
pub(crate) const SINK_IS_NEW: &str = "SELECT NOT EXISTS (SELECT 1 FROM audit_cursor WHERE sink = $1)";
/// Of the holder's own chain from its beginning, so that the sink is new to nobody behind him.
pub(crate) const CURSORS_AT_END: &str = "\
INSERT INTO audit_cursor (sink, chain, number, place, holder, held_until) \
SELECT $1, c.ordinal, CASE WHEN c.id = $2 THEN 1 \
ELSE coalesce((SELECT max(b.number) FROM audit_batch b WHERE b.chain = c.ordinal), 0) + 1 END, 0, $2, 0 \
FROM audit_chain c";
/// Sinks that somebody delivered to since a time, whichever chain it was of.
pub(crate) const SINKS_HEARD_OF: &str = "SELECT DISTINCT sink FROM audit_cursor WHERE held_until >= $1";
pub(crate) const CURSORS_OF: &str = "SELECT sink, number FROM audit_cursor WHERE chain = $1";
pub(crate) const HEADS_SIGNED_FROM: &str = "\
SELECT c.id, h.number, h.key_id, h.signed_at, h.hash, h.signature \
FROM audit_head h JOIN audit_chain c ON c.ordinal = h.chain \
WHERE h.signed_at >= $1 ORDER BY h.signed_at, h.chain, h.number LIMIT $2";
pub(crate) const LAST_BATCH_TIME: &str = "\
SELECT written_at FROM audit_batch ORDER BY chain DESC, number DESC LIMIT 1";
pub(crate) const LAST_CHAIN_TIME: &str = "SELECT opened_at FROM audit_chain ORDER BY ordinal DESC LIMIT 1";
pub(crate) const LAST_BATCH_TIME_OF_ALL: &str = "\
SELECT max((SELECT b.written_at FROM audit_batch b WHERE b.chain = c.ordinal ORDER BY b.number DESC LIMIT 1)) \
FROM audit_chain c";
pub(crate) const LAST_CHAIN_TIME_OF_ALL: &str = "SELECT max(opened_at) FROM audit_chain";

// Answers to writes that came with an idempotency key.
pub(crate) const KEPT_ANSWER: &str = "\
SELECT asked, actor, request, kept_at, seq, status, etag, place, body, seal FROM kept_answer \
WHERE asked = $1 AND kept_at > $2";
/// What is there is one that counts no more.
pub(crate) const KEEP_ANSWER: &str = "\
INSERT INTO kept_answer (asked, actor, request, kept_at, seq, bytes, status, etag, place, body, seal) \
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
ON CONFLICT (asked) DO UPDATE SET actor = excluded.actor, request = excluded.request, kept_at = excluded.kept_at, \
seq = excluded.seq, bytes = excluded.bytes, status = excluded.status, etag = excluded.etag, place = excluded.place, \
body = excluded.body, seal = excluded.seal";
pub(crate) const FORGET_ANSWERS: &str = "DELETE FROM kept_answer WHERE kept_at <= $1";
/// Those behind so many rows and bytes of their actor, or of all, from the newest on.
pub(crate) const TRIM_ANSWERS: &str = "\
DELETE FROM kept_answer WHERE asked IN (SELECT asked FROM (\
SELECT asked, row_number() OVER of_actor AS place_of_actor, sum(bytes) OVER of_actor AS bytes_of_actor, \
row_number() OVER of_all AS place_of_all, sum(bytes) OVER of_all AS bytes_of_all FROM kept_answer \
WINDOW of_actor AS (PARTITION BY actor ORDER BY seq DESC), of_all AS (ORDER BY seq DESC)) counted \
WHERE place_of_actor > $1 OR bytes_of_actor > $2 OR place_of_all > $3 OR bytes_of_all > $4)";

// Keys.
pub(crate) const KEYS: &str = "\
SELECT id, purpose, algorithm, public_jwk, wrapped, kek_id, revision, state, created_at, published_at, activated_at, \
retired_at, leaves_at, due_at, tainted_at, longest_token \
FROM signing_key ORDER BY created_at, id";
pub(crate) const KEYS_OF_DOMAINS: &str = "SELECT id, domain, chain, bundle_seq FROM signing_key WHERE domain IS NOT NULL OR bundle_seq IS NOT NULL OR chain IS NOT NULL";
pub(crate) const PUT_KEY: &str = "\
INSERT INTO signing_key \
(id, purpose, algorithm, public_jwk, wrapped, kek_id, revision, domain, chain, state, created_at, published_at, \
activated_at, retired_at, leaves_at, due_at, tainted_at, longest_token, bundle_seq) \
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
pub(crate) const MOVE_KEY: &str = "\
UPDATE signing_key SET revision = revision + 1, state = $3, created_at = $4, published_at = $5, activated_at = $6, \
retired_at = $7, leaves_at = $8, due_at = $9, tainted_at = $10, longest_token = $11, bundle_seq = $12 WHERE id = $1 AND revision = $2";
pub(crate) const KEY_EXISTS: &str = "SELECT count(*) FROM signing_key WHERE id = $1";
pub(crate) const REMOVE_KEY: &str = "DELETE FROM signing_key WHERE id = $1";
pub(crate) const REWRAP_KEY: &str = "UPDATE signing_key SET wrapped = $2, kek_id = $3 WHERE id = $1";

// What nodes say they have seen of bundles.
pub(crate) const CONFIRM_BUNDLE: &str = "\
INSERT INTO bundle_confirmation (domain, node, bundle_seq, seen_at) VALUES ($1, $2, $3, $4) \
ON CONFLICT (domain, node) DO UPDATE SET bundle_seq = excluded.bundle_seq, seen_at = excluded.seen_at \
WHERE bundle_confirmation.seen_at <= excluded.seen_at";
pub(crate) const FORGET_CONFIRMATIONS: &str = "DELETE FROM bundle_confirmation WHERE domain = $1 AND seen_at < $2";
pub(crate) const CONFIRMATIONS: &str =
    "SELECT domain, node, bundle_seq, seen_at FROM bundle_confirmation ORDER BY domain, node";
