//! `VACUUM`, table by table.

use wzapi_storage::StorageError;
use wzapi_storage::compaction::Compacted;
use wzapi_storage::key::RowKind;

use crate::error::{Fault, PostgresError};
use crate::session::Session;

pub(crate) async fn compact(session: &Session, schema: &str) -> Result<Compacted, StorageError> {
    if number(session, &closed_tables(schema)).await? > 0 {
        return Err(PostgresError::Maintenance.into());
    }
    let bytes_before = number(session, &bytes(schema)).await?;
    let vacuums = RowKind::ALL.iter().map(|kind| format!("VACUUM (INDEX_CLEANUP ON) {schema}.{kind}"));
    session.one_by_one(vacuums).await.map_err(Fault::into_error)?;
    let bytes_after = number(session, &bytes(schema)).await?;
    Ok(Compacted { bytes_before, bytes_after })
}

/// How much the tables take up, with what is kept beside them, and their indexes.
fn bytes(schema: &str) -> String {
    format!("SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM {}", tables(schema))
}

/// How many tables the role may not vacuum: the server would pass over them with a warning.
fn closed_tables(schema: &str) -> String {
    format!(
        "SELECT count(*) FROM {} WHERE NOT (pg_has_role(relowner, 'USAGE') \
         OR pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE') \
         OR CASE WHEN current_setting('server_version_num')::int >= 170000 \
            THEN has_table_privilege(oid, 'MAINTAIN') ELSE false END)",
        tables(schema)
    )
}

fn tables(schema: &str) -> String {
    format!(
        "(SELECT oid, relowner FROM pg_class \
         WHERE relnamespace = '{schema}'::regnamespace AND relkind IN ('r', 'p')) AS tables"
    )
}

async fn number(session: &Session, sql: &str) -> Result<u64, PostgresError> {
    let answer = session.ask(sql).await.map_err(Fault::into_error)?;
    let unexpected = || PostgresError::Protocol("the server did not answer with a number".to_owned());
    answer.and_then(|number| number.parse().ok()).ok_or_else(unexpected)
}
