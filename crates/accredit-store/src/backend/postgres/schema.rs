//! What PostgreSQL wants of a schema beyond the statements that every database runs.

use super::address::Address;
use crate::backend::{Connection, fault, query_as};
use crate::error::StoreError;

/// One server changes the schema at a time; the others wait. The number is `accredit` in ASCII.
pub(in crate::backend) const HOLD_SCHEMA: &str = "SELECT pg_advisory_xact_lock(7017561987351865716)";

/// Whether a schema of ours is there.
pub(in crate::backend) const SCHEMA_STEPS_THERE: &str = "SELECT count(to_regclass('schema_step'))";

/// How many tables there are.
const TABLES: &str = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()";

/// Makes every text compare and sort by its bytes, as everywhere else, so that no update of the operating system's
/// languages damages an index. And sees to it that a place in a chain is taken once: here a write that was given up may
/// still be on its way when the next one comes.
pub(in crate::backend) const SETTLE_SCHEMA: &str = "\
DO $$
DECLARE place record;
BEGIN
    FOR place IN
        SELECT c.table_name, c.column_name FROM information_schema.columns c
        JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
        WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE'
        AND c.data_type = 'text' AND c.collation_name IS DISTINCT FROM 'C'
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE \"C\"', place.table_name, place.column_name);
    END LOOP;
END $$;
CREATE UNIQUE INDEX IF NOT EXISTS audit_batch_once ON audit_batch (chain, number) INCLUDE (summary);
DROP INDEX IF EXISTS audit_batch_place";

/// Refuses a database that holds somebody else's tables.
pub(super) async fn check_ours(connection: &mut Connection, address: &Address) -> Result<(), StoreError> {
    // The tables first: those that another server makes in between come with their steps.
    let (tables,): (i64,) = query_as(TABLES).fetch_one(connection).await.map_err(fault)?;
    let (steps,): (i64,) = query_as(SCHEMA_STEPS_THERE).fetch_one(connection).await.map_err(fault)?;
    if steps == 0 && tables > 0 {
        return Err(StoreError::Foreign { path: address.database().into() });
    }
    Ok(())
}
