//! Structs out of rows, each field from the column of its name.
//!
//! sqlx derives this too, but its macros have all of sqlx, and SQLite, compiled a second time for themselves.

/// Reads a struct from a row by the names of its fields, all of which have to be given.
macro_rules! from_row {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl sqlx::FromRow<'_, sqlx::any::AnyRow> for $name {
            fn from_row(row: &sqlx::any::AnyRow) -> sqlx::Result<Self> {
                use sqlx::Row as _;
                Ok(Self { $($field: row.try_get(stringify!($field))?),+ })
            }
        }
    };
}
pub(crate) use from_row;
