//! Our values as PostgreSQL's, in its binary format.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
use wzapi_model::Timestamp;

type Failed = Box<dyn Error + Sync + Send>;

/// 2000-01-01T00:00:00Z, from which PostgreSQL counts, in milliseconds since 1970.
const POSTGRES_EPOCH_MILLIS: i64 = 946_684_800_000;

/// A 128-bit id as a `uuid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id(pub(crate) [u8; 16]);

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

/// A point in time as a `timestamptz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl ToSql for Moment {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failed> {
        // Between 1970 and 9999 there is no overflow.
        let micros = self.0.as_millis().saturating_sub(POSTGRES_EPOCH_MILLIS).saturating_mul(1000);
        out.extend_from_slice(&micros.to_be_bytes());
        Ok(IsNull::No)
    }

    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Moment {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failed> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        let millis = micros.div_euclid(1000).saturating_add(POSTGRES_EPOCH_MILLIS);
        Ok(Self(Timestamp::from_millis(millis)?))
    }

    accepts!(TIMESTAMPTZ);
}

/// One value of a column beside key and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Id(Option<[u8; 16]>),
    Index(Option<[u8; 16]>),
    Text(Option<String>),
    Number(Option<i64>),
    Time(Option<Timestamp>),
}

/// The type of a column beside key and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColumnType {
    Id,
    Index,
    Text,
    Number,
    Time,
}

impl ColumnType {
    /// Its name in SQL.
    #[cfg(test)]
    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Id => "uuid",
            Self::Index => "bytea",
            Self::Text => "text",
            Self::Number => "bigint",
            Self::Time => "timestamptz",
        }
    }

    /// The value that stands for nothing.
    pub(crate) const fn null(self) -> Value {
        match self {
            Self::Id => Value::Id(None),
            Self::Index => Value::Index(None),
            Self::Text => Value::Text(None),
            Self::Number => Value::Number(None),
            Self::Time => Value::Time(None),
        }
    }
}

/// Values of one column, as an array.
#[derive(Debug)]
pub(crate) enum Values {
    Ids(Vec<Option<Id>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Texts(Vec<Option<String>>),
    Numbers(Vec<Option<i64>>),
    Times(Vec<Option<Moment>>),
    Flags(Vec<bool>),
}

impl Values {
    pub(crate) const fn of(column: ColumnType) -> Self {
        match column {
            ColumnType::Id => Self::Ids(Vec::new()),
            ColumnType::Index => Self::Bytes(Vec::new()),
            ColumnType::Text => Self::Texts(Vec::new()),
            ColumnType::Number => Self::Numbers(Vec::new()),
            ColumnType::Time => Self::Times(Vec::new()),
        }
    }

    /// Adds a value; one of another type counts as null.
    pub(crate) fn push(&mut self, value: Value) {
        match (self, value) {
            (Self::Ids(values), value) => values.push(match value {
                Value::Id(id) => id.map(Id),
                _ => None,
            }),
            (Self::Bytes(values), value) => values.push(match value {
                Value::Index(index) => index.map(Vec::from),
                _ => None,
            }),
            (Self::Texts(values), value) => values.push(match value {
                Value::Text(text) => text,
                _ => None,
            }),
            (Self::Numbers(values), value) => values.push(match value {
                Value::Number(number) => number,
                _ => None,
            }),
            (Self::Times(values), value) => values.push(match value {
                Value::Time(time) => time.map(Moment),
                _ => None,
            }),
            (Self::Flags(_), _) => {}
        }
    }

    pub(crate) fn as_parameter(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Ids(values) => (values, Type::UUID_ARRAY),
            Self::Bytes(values) => (values, Type::BYTEA_ARRAY),
            Self::Texts(values) => (values, Type::TEXT_ARRAY),
            Self::Numbers(values) => (values, Type::INT8_ARRAY),
            Self::Times(values) => (values, Type::TIMESTAMPTZ_ARRAY),
            Self::Flags(values) => (values, Type::BOOL_ARRAY),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_from_postgresql_as_it_went() {
        for moment in [Timestamp::EPOCH, "2000-01-01T00:00:00.001Z".parse().unwrap(), Timestamp::MAX] {
            let mut out = BytesMut::new();
            Moment(moment).to_sql(&Type::TIMESTAMPTZ, &mut out).unwrap();
            assert_eq!(Moment::from_sql(&Type::TIMESTAMPTZ, &out).unwrap(), Moment(moment));
        }
        let mut out = BytesMut::new();
        Moment("2000-01-01T00:00:01Z".parse().unwrap()).to_sql(&Type::TIMESTAMPTZ, &mut out).unwrap();
        assert_eq!(i64::from_be_bytes(out[..].try_into().unwrap()), 1_000_000);
    }
}
