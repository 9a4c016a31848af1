//! Many rows at once, as the demo and the benchmark need them.
//!
//! Numbers are written into the statement; text never is.

use core::fmt::Write as _;

use sqlx::{AnyConnection, AssertSqlSafe};

/// The most rows of a statement: they have some thousand texts, far from what the databases take.
const ROWS: usize = 1000;

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

/// Rows on their way into a table.
#[derive(Debug)]
pub(crate) struct Rows {
    /// The table and its columns, as in `likes (post_id, user_id, created_at)`.
    into: &'static str,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    pub(crate) fn new(into: &'static str) -> Self {
        Self { into, rows: Vec::new() }
    }

    pub(crate) fn push(&mut self, row: impl Into<Vec<Value>>) {
        self.rows.push(row.into());
    }

    /// Inserts all.
    pub(crate) async fn insert(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        for rows in self.rows.chunks(ROWS) {
            let mut sql = format!("INSERT INTO {} VALUES ", self.into);
            let mut texts = Vec::new();
            for (n, row) in rows.iter().enumerate() {
                sql.push_str(if n == 0 { "(" } else { ", (" });
                for (n, value) in row.iter().enumerate() {
                    if n > 0 {
                        sql.push_str(", ");
                    }
                    let written = match value {
                        Value::Null => write!(sql, "NULL"),
                        Value::Int(number) => write!(sql, "{number}"),
                        Value::Real(number) => write!(sql, "{number:?}"),
                        Value::Text(text) => {
                            // Rows in order often have the same text one after the other.
                            if texts.last() != Some(text) {
                                texts.push(text.clone());
                            }
                            write!(sql, "${}", texts.len())
                        }
                    };
                    written.expect("a string takes everything");
                }
                sql.push(')');
            }
            let query = texts
                .into_iter()
                .fold(sqlx::query(AssertSqlSafe(sql)), |query, text| query.bind(text));
            // No statement comes twice.
            query.persistent(false).execute(&mut *connection).await?;
        }
        Ok(())
    }
}
