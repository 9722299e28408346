//! The tables, as SQL that a person can read and apply.

use std::fmt::Write as _;

use wzapi_storage::StorageError;
use wzapi_storage::key::RowKind;

use crate::config::{Config, Migrations};
use crate::error::{Fault, PostgresError};
use crate::session::Session;

/// The version of the schema that this library reads and writes.
pub const VERSION: u32 = 2;

/// Numbered, applied once, never changed after a release. They name the schema `wzapi`. The first one is for an empty
/// database; no migration leads on from schemas before it.
const MIGRATIONS: &[(u32, &str, &str)] =
    &[(OLDEST, "0002_rows", include_str!("../migrations/0002_rows.sql"))];

/// The oldest schema that this library takes over. Schema 1 was never released, and its rows read otherwise.
const OLDEST: u32 = 2;

const ROW_LEVEL_SECURITY: &str = include_str!("../migrations/row_level_security.sql");

/// How often the tables are looked at again when somebody else makes them at the same moment.
const ATTEMPTS: u32 = 10;

/// All that makes an empty database ready, in one transaction, for a person to read and apply.
///
/// With `citus` it also distributes every table on `controller_id`, co-located, so that a changeset stays on one
/// node. A store then connects with [`Migrations::Check`] and needs no right to create.
///
/// ```
/// let ddl = wzapi_storage_postgres::schema::ddl(true);
/// assert!(ddl.contains("CREATE TABLE wzapi.consent_event"));
/// assert!(ddl.contains("create_distributed_table('wzapi.consent_event', 'controller_id'"));
/// ```
#[must_use]
pub fn ddl(citus: bool) -> String {
    let mut out = String::from("BEGIN;\n\n");
    out.push_str(&first("wzapi"));
    for migration in MIGRATIONS {
        let _ = write!(out, "\n{}\n{}", migration.2, record("wzapi", migration));
    }
    out.push_str("\nCOMMIT;\n");
    if citus {
        out.push_str("\n-- Citus: one shard key, all tables together.\n");
        out.push_str(&distribution());
    }
    out
}

/// Row-level security as a second wall between controllers: to be applied by hand after [`ddl`], for stores that
/// connect with [`Config::row_level_security`].
#[must_use]
pub const fn row_level_security() -> &'static str {
    ROW_LEVEL_SECURITY
}

fn distribution() -> String {
    let mut out = String::new();
    let mut first: Option<RowKind> = None;
    for kind in RowKind::ALL {
        let with = first.map_or("none".to_owned(), |first| format!("wzapi.{first}"));
        let _ = writeln!(
            out,
            "SELECT create_distributed_table('wzapi.{kind}', 'controller_id', colocate_with => '{with}');"
        );
        first.get_or_insert(*kind);
    }
    out.push_str("SELECT create_reference_table('wzapi.schema_version');\n");
    out
}

/// The schema itself and the list of migrations.
fn first(schema: &str) -> String {
    format!(
        "CREATE SCHEMA IF NOT EXISTS {schema};\n\
         CREATE TABLE IF NOT EXISTS {schema}.schema_version (\n    \
             version    integer PRIMARY KEY,\n    \
             name       text NOT NULL,\n    \
             applied_at timestamptz NOT NULL DEFAULT now()\n\
         );\n\
         COMMENT ON TABLE {schema}.schema_version IS 'migrations applied to this database; no row of a controller';\n\
         COMMENT ON COLUMN {schema}.schema_version.version IS 'number of the migration';\n\
         COMMENT ON COLUMN {schema}.schema_version.name IS 'its file';\n\
         COMMENT ON COLUMN {schema}.schema_version.applied_at IS 'when it was applied';\n"
    )
}

fn record(schema: &str, (version, name, _): &(u32, &str, &str)) -> String {
    format!("INSERT INTO {schema}.schema_version (version, name) VALUES ({version}, '{name}');\n")
}

/// The migrations are written for the schema `wzapi`.
fn in_schema(schema: &str, sql: &str) -> String {
    if schema == "wzapi" { sql.to_owned() } else { sql.replace(" wzapi.", &format!(" {schema}.")) }
}

/// Sees to it that the tables are of this library's version.
pub(crate) async fn prepare(session: &Session, config: &Config) -> Result<(), StorageError> {
    for attempt in 1..=ATTEMPTS {
        let found = version_of(session, &config.schema).await?;
        if found > VERSION || (1..OLDEST).contains(&found) {
            let found = format!("{found} of the PostgreSQL schema");
            return Err(StorageError::Format { found, supported: VERSION });
        }
        if found == VERSION {
            return Ok(());
        }
        if config.migrations == Migrations::Check {
            return Err(PostgresError::SchemaBehind { found, needed: VERSION }.into());
        }
        match session.batch(&migration(&config.schema, found)).await {
            Ok(()) => return Ok(()),
            // Another process makes the same tables: the first one wins, and everybody looks again.
            Err(fault) if attempt < ATTEMPTS && is_race(&fault) => session.pause(attempt).await?,
            Err(fault) => return Err(fault.into_error().into()),
        }
    }
    Err(PostgresError::Contention { attempts: ATTEMPTS }.into())
}

/// What is missing above `found`, in one transaction. Two processes that do this at once meet at the primary key of
/// `schema_version`, at the latest.
fn migration(schema: &str, found: u32) -> String {
    let mut sql = String::from("BEGIN;\n");
    if found == 0 {
        sql.push_str(&first(schema));
    }
    let _ = writeln!(sql, "LOCK TABLE {schema}.schema_version IN EXCLUSIVE MODE;");
    for migration in MIGRATIONS.iter().filter(|(version, ..)| *version > found) {
        sql.push_str(&record(schema, migration));
        sql.push_str(&in_schema(schema, migration.2));
    }
    sql.push_str("COMMIT;\n");
    sql
}

async fn version_of(session: &Session, schema: &str) -> Result<u32, StorageError> {
    let found = session.ask(&format!("SELECT max(version) FROM {schema}.schema_version")).await;
    match found {
        Ok(found) => Ok(found.and_then(|version| version.parse().ok()).unwrap_or(0)),
        Err(Fault::Refused(PostgresError::Server { code, .. })) if is_undefined(&code) => Ok(0),
        Err(fault) => Err(fault.into_error().into()),
    }
}

/// No such table, or no such schema.
fn is_undefined(code: &str) -> bool {
    ["42P01", "3F000"].contains(&code)
}

/// A table, a type or a schema exists already, or was changed at the same moment.
fn is_race(fault: &Fault) -> bool {
    match fault {
        Fault::Rejected | Fault::Transient => true,
        Fault::Refused(PostgresError::Server { code, .. }) => {
            ["42P06", "42P07", "42710", "XX000"].contains(&code.as_str())
        }
        Fault::Refused(_) | Fault::Lost(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::columns;

    #[test]
    fn the_migrations_are_numbered_and_end_at_the_current_version() {
        let numbers: Vec<u32> = MIGRATIONS.iter().map(|(version, ..)| *version).collect();
        assert_eq!(numbers, (OLDEST..=VERSION).collect::<Vec<_>>());
        for (version, name, _) in MIGRATIONS {
            assert!(name.starts_with(&format!("{version:04}_")), "{name}");
        }
    }

    #[test]
    fn the_tables_have_the_columns_that_the_store_writes() {
        let ddl = ddl(false);
        for kind in RowKind::ALL {
            let (_, table) = ddl.split_once(&format!("CREATE TABLE wzapi.{kind} (")).expect("a table");
            let (table, _) = table.split_once("PRIMARY KEY (controller_id, key)").expect("its key");
            let found: Vec<(&str, &str)> = table
                .lines()
                .filter_map(|line| line.trim().trim_end_matches(',').split_once(' '))
                .map(|(name, column)| (name, column.trim()))
                .skip(5)
                .collect();
            let expected: Vec<(&str, &str)> =
                columns(*kind).iter().map(|(name, column)| (*name, column.sql())).collect();
            assert_eq!(found, expected, "{kind}");
        }
    }

    #[test]
    fn another_schema_is_named_everywhere() {
        let sql = migration("tenant_7", 0);
        for line in sql.lines().filter(|line| !line.starts_with("--")) {
            let (statement, _) = line.split_once(" IS '").unwrap_or((line, ""));
            assert!(!statement.contains("wzapi"), "{line}");
        }
        assert!(sql.contains("CREATE SCHEMA IF NOT EXISTS tenant_7;"));
    }

    #[test]
    fn every_table_has_its_policy() {
        for kind in RowKind::ALL {
            assert!(
                row_level_security().contains(&format!("CREATE POLICY one_controller ON wzapi.{kind}\n"))
            );
        }
    }
}
