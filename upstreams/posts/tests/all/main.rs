//! `herd-posts`, tested from outside: a module a behaviour, and every case on both databases.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may: the panic is its report")]

/// Makes two tests of each case, one on a SQLite file and one on a PostgreSQL database.
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test] fn $case() { super::$case(&$crate::harness::Site::sqlite()); })+
        }
        mod postgres {
            $(#[test] fn $case() { super::$case(&$crate::harness::Site::postgres()); })+
        }
    };
}

mod accounts;
mod blocks;
mod browser;
mod crowd;
mod crowds;
mod harness;
mod live;
mod loads;
mod outage;
mod postgres;
mod refusals;
mod sessions;
mod stores;
mod timelines;
