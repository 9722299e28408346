//! Where the database is and how it is used.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::error::PostgresError;

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Not at all. Right for a Unix socket or the loopback interface; elsewhere everybody on the way reads along.
    Disabled,
    /// Encrypted, but anybody may pose as the server: libpq's `sslmode=require`. Prefer [`Tls::VerifyFull`].
    Unverified,
    /// Encrypted, and the certificate must be signed by a trusted root and carry the host's name.
    VerifyFull(Roots),
}

/// Which certification authorities are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// Those of the operating system.
    System,
    /// Those in this PEM file, and no others.
    File(PathBuf),
}

/// How statements are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Statements {
    /// Prepared once per connection, then reused. Behind pgbouncer in transaction mode this needs pgbouncer 1.21
    /// or newer with `max_prepared_statements` above zero.
    #[default]
    Prepared,
    /// Sent whole each time, under no name. Works behind every pooler, and costs the server a parse and a plan.
    Unnamed,
}

/// Who makes the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Migrations {
    /// The store applies what is missing when it connects. The role needs the right to create.
    #[default]
    Apply,
    /// Somebody else applies them (see [`crate::schema::ddl`]); the store only checks.
    Check,
}

/// The settings of a [`crate::PostgresStorage`].
///
/// ```
/// use std::time::Duration;
/// use wzapi_storage_postgres::{Config, Statements};
///
/// let config = Config::from_url("postgres://app:secret@db.example/compliance")?
///     .pool_size(32)
///     .statement_timeout(Duration::from_secs(5))
///     .statements(Statements::Unnamed);
/// assert!(!format!("{config:?}").contains("secret"));
/// # Ok::<(), wzapi_storage_postgres::PostgresError>(())
/// ```
#[derive(Clone)]
pub struct Config {
    pub(crate) server: tokio_postgres::Config,
    pub(crate) schema: String,
    pub(crate) pool_size: usize,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) tls: Tls,
    pub(crate) statements: Statements,
    pub(crate) migrations: Migrations,
    pub(crate) row_level_security: bool,
    pub(crate) any_server_version: bool,
}

impl Config {
    /// Reads a `postgres://` or `postgresql://` address as libpq understands it.
    ///
    /// `sslmode` may be `disable`, `require` or `verify-full`, and `sslrootcert` a PEM file (or `system`).
    /// Without `sslmode` the loopback interface and Unix sockets go unencrypted and everything else is
    /// [`Tls::VerifyFull`]; `prefer` and `allow` are refused, for whoever is in between may switch them off.
    /// With several hosts, the first one that takes writes is used.
    ///
    /// # Errors
    /// [`PostgresError::Address`]; it does not quote the address.
    pub fn from_url(url: &str) -> Result<Self, PostgresError> {
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(PostgresError::Address("it does not begin with postgres://"));
        }
        let (rest, tls) = take_tls(url)?;
        // The parser's own error may quote parts of what it could not read.
        let mut server = tokio_postgres::Config::from_str(&rest).map_err(|_| {
            PostgresError::Address("it is not of the form postgres://user:password@host:port/database")
        })?;
        if server.get_hosts().is_empty() && server.get_hostaddrs().is_empty() {
            return Err(PostgresError::Address("it names no host"));
        }
        server.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if server.get_application_name().is_none() {
            server.application_name("wzapi");
        }
        let config = Self {
            tls: tls.unwrap_or_else(|| default_tls(&server)),
            server,
            schema: "wzapi".to_owned(),
            pool_size: 16,
            connect_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(30),
            statements: Statements::Prepared,
            migrations: Migrations::Apply,
            row_level_security: false,
            any_server_version: false,
        };
        Ok(config)
    }

    /// How the connection is protected, whatever the address says.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// The schema of the tables; `wzapi` unless it is set.
    ///
    /// # Errors
    /// [`PostgresError::Address`] unless it is 1 to 63 of `a-z`, `0-9` and `_`, beginning with a letter.
    pub fn schema(mut self, name: &str) -> Result<Self, PostgresError> {
        let of_letters = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.len() > 63
            || !name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
            || !name.bytes().all(of_letters)
        {
            return Err(PostgresError::Address("the name of the schema is not made of a-z, 0-9 and _"));
        }
        name.clone_into(&mut self.schema);
        Ok(self)
    }

    /// How many connections are open at most; 16 unless it is set, at least 1.
    #[must_use]
    pub fn pool_size(mut self, connections: usize) -> Self {
        self.pool_size = connections.max(1);
        self
    }

    /// How long to wait for a new connection, or for a free one; 10 seconds unless it is set.
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long one `get`, one `scan` or one attempt of a commit may take; 30 seconds unless it is set.
    #[must_use]
    pub const fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = timeout;
        self
    }

    /// How statements are sent.
    #[must_use]
    pub const fn statements(mut self, statements: Statements) -> Self {
        self.statements = statements;
        self
    }

    /// Who makes the tables.
    #[must_use]
    pub const fn migrations(mut self, migrations: Migrations) -> Self {
        self.migrations = migrations;
        self
    }

    /// Names the controller to the server in every transaction, as [`crate::schema::row_level_security`] needs it.
    #[must_use]
    pub const fn row_level_security(mut self, named: bool) -> Self {
        self.row_level_security = named;
        self
    }

    /// Takes a server of any reported version: for databases that speak PostgreSQL's protocol and report a version
    /// of their own. Run the conformance suite over it first.
    #[must_use]
    pub const fn any_server_version(mut self, taken: bool) -> Self {
        self.any_server_version = taken;
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("schema", &self.schema)
            .field("pool_size", &self.pool_size)
            .field("connect_timeout", &self.connect_timeout)
            .field("statement_timeout", &self.statement_timeout)
            .field("tls", &self.tls)
            .field("statements", &self.statements)
            .field("migrations", &self.migrations)
            .field("row_level_security", &self.row_level_security)
            .finish_non_exhaustive()
    }
}

/// The address without what it says about TLS, and what it says.
fn take_tls(url: &str) -> Result<(String, Option<Tls>), PostgresError> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), None)) };
    let (mut mode, mut roots, mut others) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => roots = Some(value),
            _ => others.push(pair),
        }
    }
    let roots = match roots {
        None | Some("system") => Roots::System,
        Some(path) if path.contains('%') => {
            return Err(PostgresError::Address("sslrootcert is percent-encoded; set Config::tls instead"));
        }
        Some(path) => Roots::File(PathBuf::from(path)),
    };
    let tls = match mode {
        None if roots == Roots::System => None,
        None | Some("verify-full") => Some(Tls::VerifyFull(roots)),
        Some("disable") => Some(Tls::Disabled),
        Some("require") => Some(Tls::Unverified),
        Some(_) => return Err(PostgresError::Address("sslmode must be disable, require or verify-full")),
    };
    let rest = if others.is_empty() { base.to_owned() } else { format!("{base}?{}", others.join("&")) };
    Ok((rest, tls))
}

fn default_tls(server: &tokio_postgres::Config) -> Tls {
    let near = server.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => ["localhost", "127.0.0.1", "::1"].contains(&name.as_str()),
        Host::Unix(_) => true,
    }) && server.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
    if near { Tls::Disabled } else { Tls::VerifyFull(Roots::System) }
}

pub(crate) const fn ssl_mode(tls: &Tls) -> SslMode {
    match tls {
        Tls::Disabled => SslMode::Disable,
        Tls::Unverified | Tls::VerifyFull(_) => SslMode::Require,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls_of(url: &str) -> Tls {
        Config::from_url(url).unwrap().tls
    }

    #[test]
    fn without_a_word_about_it_only_the_own_machine_is_spoken_to_in_clear() {
        assert_eq!(tls_of("postgres://u@127.0.0.1/d"), Tls::Disabled);
        assert_eq!(tls_of("postgres://u@%2Fvar%2Frun%2Fpostgresql/d"), Tls::Disabled);
        assert_eq!(tls_of("postgres://u@db.example/d"), Tls::VerifyFull(Roots::System));
        assert_eq!(tls_of("postgres://u@localhost,db.example/d"), Tls::VerifyFull(Roots::System));
        assert_eq!(tls_of("postgres://u@localhost/d?hostaddr=192.0.2.1"), Tls::VerifyFull(Roots::System));
    }

    #[test]
    fn the_mode_of_the_address_is_taken() {
        assert_eq!(tls_of("postgres://u@db.example/d?sslmode=disable"), Tls::Disabled);
        assert_eq!(tls_of("postgres://u@db.example/d?connect_timeout=3&sslmode=require"), Tls::Unverified);
        let file = Tls::VerifyFull(Roots::File("/etc/ca.pem".into()));
        assert_eq!(tls_of("postgres://u@localhost/d?sslmode=verify-full&sslrootcert=/etc/ca.pem"), file);
        assert_eq!(tls_of("postgres://u@localhost/d?sslrootcert=/etc/ca.pem"), file);
        assert!(Config::from_url("postgres://u@db.example/d?sslmode=prefer").is_err());
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        for url in [
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:hunter2/d",
            "postgres://u:hunter2@h/d?hunter2=hunter2",
            "postgres://u:hunter2@h/d?sslmode=hunter2",
            "postgres://u:hunter2%zz@h/d?x",
            "postgres:///hunter2",
        ] {
            let error = Config::from_url(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
        let config = Config::from_url("postgres://hunter2:hunter2@h/d").unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn a_schema_is_a_plain_name() {
        let config = || Config::from_url("postgres://localhost/d").unwrap();
        for name in ["", "1a", "a-b", "A", "a.b", "a\"b", &"a".repeat(64)] {
            assert!(config().schema(name).is_err(), "{name}");
        }
        assert_eq!(config().schema("tenant_7").unwrap().schema, "tenant_7");
    }
}
