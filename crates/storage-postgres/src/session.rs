//! Connections: how many, how protected, and how statements travel over them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{NoTls, Row, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;
use wzapi_model::entropy::Entropy;
use wzapi_model::ids::ControllerId;
use wzapi_storage::Durability;

use crate::config::{Config, Statements, Tls, ssl_mode};
use crate::error::{Fault, PostgresError, connect_error};
use crate::statements::INSIDE;
use crate::tls;
use crate::values::{Id, Moment, Values};

/// How often a read is sent that lost its connection: it has no effect, so it may be.
const READ_ATTEMPTS: u32 = 3;
/// How many statements are prepared on one connection at most; engines use a few dozen.
const MAX_PREPARED: usize = 512;
/// How long the server has to take note that nobody waits for a statement any more.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);
/// How much longer than the server's own timeout a commit is waited for: its refusal is certain, ours leaves doubt.
const GRACE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A parameter of a statement.
#[derive(Debug)]
pub(crate) enum Parameter {
    Id(Id),
    Bytes(Vec<u8>),
    Number(i64),
    Moment(Moment),
    Values(Values),
}

impl Parameter {
    pub(crate) const fn controller(id: ControllerId) -> Self {
        Self::Id(Id(id.to_bytes()))
    }

    pub(crate) fn keys(keys: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::Values(Values::Bytes(keys.into_iter().map(Some).collect()))
    }

    fn as_sql(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Id(id) => (id, Type::UUID),
            Self::Bytes(bytes) => (bytes, Type::BYTEA),
            Self::Number(number) => (number, Type::INT8),
            Self::Moment(moment) => (moment, Type::TIMESTAMPTZ),
            Self::Values(values) => values.as_parameter(),
        }
    }
}

/// A statement and its parameters.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Parameter>,
}

/// A pool of connections to one database.
pub(crate) struct Session {
    pool: Pool,
    connector: Connector,
    statements: Statements,
    timeout: Duration,
    names_controller: bool,
    /// What the session's own setting must be replaced by for a durable commit.
    durable_setting: &'static str,
    entropy: Arc<dyn Entropy>,
}

#[derive(Clone)]
enum Connector {
    Plain,
    Tls(MakeRustlsConnect),
}

type Sent<'a, T> = Pin<Box<dyn Future<Output = Result<T, tokio_postgres::Error>> + Send + 'a>>;

impl Session {
    /// A pool that has not connected yet.
    pub(crate) fn new(config: &Config, entropy: Arc<dyn Entropy>) -> Result<Self, PostgresError> {
        let mut server = config.server.clone();
        server.ssl_mode(ssl_mode(&config.tls)).connect_timeout(config.connect_timeout);
        let connector = match &config.tls {
            Tls::Disabled => Connector::Plain,
            Tls::Unverified => Connector::Tls(tls::unverified()?),
            Tls::VerifyFull(roots) => Connector::Tls(tls::verifying(roots)?),
        };
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match connector.clone() {
            Connector::Plain => Manager::from_config(server, NoTls, settings),
            Connector::Tls(tls) => Manager::from_config(server, tls, settings),
        };
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .wait_timeout(Some(config.connect_timeout))
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| PostgresError::Protocol(error.to_string()))?;
        Ok(Self {
            pool,
            connector,
            statements: config.statements,
            timeout: config.statement_timeout,
            names_controller: config.row_level_security,
            durable_setting: "",
            entropy,
        })
    }

    /// Makes durable commits wait for the disk even where the server's own setting says not to.
    pub(crate) fn insist_on_durability(&mut self) {
        self.durable_setting = "; SET LOCAL synchronous_commit = on";
    }

    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// How long a commit may take with all of its attempts.
    pub(crate) const fn patience(&self) -> Duration {
        self.timeout.saturating_add(GRACE).saturating_mul(2)
    }

    pub(crate) fn close(&self) {
        self.pool.close();
    }

    /// The first value that a statement without parameters answers.
    pub(crate) async fn ask(&self, sql: &str) -> Result<Option<String>, Fault> {
        let client = self.client().await.map_err(Fault::Refused)?;
        let messages = self.within(self.timeout, &client, client.simple_query(sql)).await;
        let messages = give_back(client, messages)?;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Runs statements without parameters that begin and end their own transaction.
    pub(crate) async fn batch(&self, sql: &str) -> Result<(), Fault> {
        let client = self.client().await.map_err(Fault::Refused)?;
        let done = self.within(self.timeout, &client, client.batch_execute(sql)).await;
        if done.is_err() {
            // The transaction is still open, and failed.
            drop(Object::take(client));
        }
        done
    }

    /// Runs statements without parameters one after the other, each outside of a transaction and for as long as it
    /// takes, on a connection that nobody gets afterwards.
    pub(crate) async fn one_by_one(&self, statements: impl Iterator<Item = String>) -> Result<(), Fault> {
        let client = Object::take(self.client().await.map_err(Fault::Refused)?);
        for sql in statements {
            client.batch_execute(&sql).await?;
        }
        Ok(())
    }

    /// Runs one statement that changes nothing, in a snapshot of its own.
    pub(crate) async fn read(
        &self,
        controller: ControllerId,
        statement: &Statement,
    ) -> Result<Vec<Row>, PostgresError> {
        let mut attempt = 1;
        loop {
            match self.read_once(controller, statement).await {
                Err(Fault::Lost(PostgresError::Lost) | Fault::Refused(PostgresError::NotReady))
                    if attempt < READ_ATTEMPTS =>
                {
                    self.pause(attempt).await?;
                    attempt += 1;
                }
                Err(fault) => return Err(fault.into_error()),
                Ok(rows) => return Ok(rows),
            }
        }
    }

    async fn read_once(&self, controller: ControllerId, statement: &Statement) -> Result<Vec<Row>, Fault> {
        let client = self.client().await.map_err(Fault::Refused)?;
        let work = async {
            let prepared = self.prepare(&client, statement).await?;
            let query = send(&client, statement, prepared.as_ref());
            if !self.names_controller {
                return query.await;
            }
            let begin = self.begin("BEGIN READ ONLY", controller);
            let parts = vec![begun(&client, &begin), query];
            let rows = pipeline(parts, Box::pin(client.batch_execute("COMMIT"))).await?;
            Ok(rows.into_iter().flatten().collect())
        };
        let rows = self.within(self.timeout, &client, work).await;
        give_back(client, rows)
    }

    /// Runs statements in one transaction, in one round trip once they are prepared. When any of them fails, none
    /// takes effect.
    pub(crate) async fn transact(
        &self,
        controller: ControllerId,
        durability: Durability,
        statements: &[Statement],
    ) -> Result<(), Fault> {
        let client = self.client().await.map_err(Fault::Refused)?;
        let mut begin = self.begin("BEGIN ISOLATION LEVEL READ COMMITTED", controller);
        begin.push_str(INSIDE);
        begin.push_str(match durability {
            Durability::Relaxed => "; SET LOCAL synchronous_commit = off",
            Durability::Durable => self.durable_setting,
        });
        let work = async {
            let mut prepared = Vec::with_capacity(statements.len());
            for statement in statements {
                prepared.push(self.prepare(&client, statement).await?);
            }
            let mut parts = vec![begun(&client, &begin)];
            for (statement, prepared) in statements.iter().zip(&prepared) {
                parts.push(send(&client, statement, prepared.as_ref()));
            }
            pipeline(parts, Box::pin(client.batch_execute("COMMIT"))).await
        };
        let done = self.within(self.timeout.saturating_add(GRACE), &client, work).await;
        give_back(client, done).map(drop)
    }

    /// Waits before another attempt: longer each time, and not the same time as anybody else.
    pub(crate) async fn pause(&self, attempt: u32) -> Result<(), PostgresError> {
        let longest = FIRST_PAUSE.saturating_mul(1 << attempt.min(10)).min(LONGEST_PAUSE);
        let mut random = [0; 2];
        self.entropy.fill(&mut random).map_err(|_| PostgresError::Entropy)?;
        let part = f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX);
        tokio::time::sleep(longest.mul_f64(part)).await;
        Ok(())
    }

    fn begin(&self, begin: &str, controller: ControllerId) -> String {
        let millis = self.timeout.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
        let mut sql = format!("{begin}; SET LOCAL statement_timeout = {millis}");
        if self.names_controller {
            sql.push_str(&format!("; SET LOCAL wzapi.controller_id = '{controller}'"));
        }
        sql
    }

    /// Does the work; when it takes too long, tells the server that nobody waits any more.
    async fn within<T>(
        &self,
        time: Duration,
        client: &Object,
        work: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        if let Ok(done) = tokio::time::timeout(time, work).await {
            return done.map_err(Fault::from);
        }
        let token = client.cancel_token();
        let cancelled = async {
            match self.connector.clone() {
                Connector::Plain => token.cancel_query(NoTls).await,
                Connector::Tls(tls) => token.cancel_query(tls).await,
            }
        };
        // Whether it takes note or not, the connection is not used again.
        tokio::time::timeout(CANCEL_TIMEOUT, cancelled).await.ok();
        Err(Fault::Lost(PostgresError::TimedOut))
    }

    async fn client(&self) -> Result<Object, PostgresError> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) | PoolError::Closed => PostgresError::NoConnection,
            PoolError::Timeout(_) => PostgresError::NoServer { cause: None },
            PoolError::Backend(error) => connect_error(error),
            other => PostgresError::Protocol(other.to_string()),
        })
    }

    async fn prepare(
        &self,
        client: &Object,
        statement: &Statement,
    ) -> Result<Option<tokio_postgres::Statement>, tokio_postgres::Error> {
        match self.statements {
            Statements::Unnamed => Ok(None),
            Statements::Prepared => {
                if client.statement_cache.size() > MAX_PREPARED {
                    client.statement_cache.clear();
                }
                let types: Vec<Type> = statement.parameters.iter().map(|value| value.as_sql().1).collect();
                client.prepare_typed_cached(&statement.sql, &types).await.map(Some)
            }
        }
    }
}

/// A connection whose work failed in a way that leaves its state in doubt, or that leads to a server which takes no
/// writes, is closed instead.
fn give_back<T>(client: Object, outcome: Result<T, Fault>) -> Result<T, Fault> {
    if matches!(outcome, Err(Fault::Lost(_) | Fault::Refused(PostgresError::ReadOnly))) {
        drop(Object::take(client));
    }
    outcome
}

fn begun<'a>(client: &'a Object, sql: &'a str) -> Sent<'a, Vec<Row>> {
    Box::pin(async { client.batch_execute(sql).await.map(|()| Vec::new()) })
}

/// Sends a statement when it is first polled.
fn send<'a>(
    client: &'a Object,
    statement: &'a Statement,
    prepared: Option<&'a tokio_postgres::Statement>,
) -> Sent<'a, Vec<Row>> {
    let typed: Vec<_> = statement.parameters.iter().map(Parameter::as_sql).collect();
    match prepared {
        Some(prepared) => Box::pin(async move {
            let parameters: Vec<_> = typed.into_iter().map(|(value, _)| value).collect();
            client.query(prepared, &parameters).await
        }),
        None => Box::pin(async move { client.query_typed(&statement.sql, &typed).await }),
    }
}

/// Sends `parts` and `last` in order without waiting in between, and answers what the parts answered, or the first
/// failure of them.
///
/// A part that fails at the server makes it skip everything up to the end of the transaction, so `last`, which ends
/// it, may be sent blindly; it is waited for, and the connection is idle again. A part that could not even be sent
/// leaves no trace there: then `last` is not sent either, and the connection must not be used again, which
/// [`give_back`] sees to.
async fn pipeline<T>(
    mut parts: Vec<Sent<'_, T>>,
    mut last: Sent<'_, ()>,
) -> Result<Vec<T>, tokio_postgres::Error> {
    let mut answers: Vec<Option<Result<T, tokio_postgres::Error>>> = parts.iter().map(|_| None).collect();
    let mut end = None;
    poll_fn(|context| {
        let mut unsent = false;
        for (part, answer) in parts.iter_mut().zip(&mut answers).filter(|(_, answer)| answer.is_none()) {
            if let Poll::Ready(ready) = part.as_mut().poll(context) {
                unsent |= ready.as_ref().is_err_and(|error| error.as_db_error().is_none());
                *answer = Some(ready);
            }
        }
        if unsent {
            return Poll::Ready(());
        }
        if end.is_none()
            && let Poll::Ready(ready) = last.as_mut().poll(context)
        {
            end = Some(ready);
        }
        if end.is_some() && answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let rows = answers.into_iter().flatten().collect::<Result<Vec<T>, _>>()?;
    end.transpose()?;
    Ok(rows)
}
