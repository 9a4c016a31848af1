//! The two servers that must behave alike, and the macro that runs a case on each.

/// Which of the two servers a case runs on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Runtime {
    /// `herd-tokio`.
    Tokio,
    /// `herd-async-std`.
    AsyncStd,
}

impl Runtime {
    /// What the program is called.
    pub const fn program(self) -> &'static str {
        match self {
            Self::Tokio => "herd-tokio",
            Self::AsyncStd => "herd-async-std",
        }
    }

    /// What `herd up --runtime` calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::AsyncStd => "async-std",
        }
    }
}

/// The runtimes that the cases run on. [`on_both!`](crate::on_both) lists the same ones.
pub const RUNTIMES: &[Runtime] = &[Runtime::Tokio, Runtime::AsyncStd];

/// Makes a test of each function named, on each runtime, so that a failure names the runtime.
///
/// The functions take a [`Runtime`] and stand beside it. One that is forgotten here is dead code, and
/// the compiler says so.
#[macro_export]
macro_rules! on_both {
    ($($case:ident),+ $(,)?) => {
        $crate::on_runtime!(tokio, Tokio, $($case),+);
        $crate::on_runtime!(async_std, AsyncStd, $($case),+);
    };
}

/// One runtime's half of [`on_both!`](crate::on_both).
#[doc(hidden)]
#[macro_export]
macro_rules! on_runtime {
    ($module:ident, $runtime:ident, $($case:ident),+) => {
        mod $module {
            $(
                #[test]
                fn $case() {
                    super::$case($crate::Runtime::$runtime);
                }
            )+
        }
    };
}
