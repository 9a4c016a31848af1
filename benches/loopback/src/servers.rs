//! How servers are set up to be measured.

use herd_tests::{Plan, Runtime, build_only_servers};

/// No server yet. What there will be is built from the sources as they stand, logs nothing, and waits for ever for who
/// says nothing.
pub(crate) fn quiet(runtime: Runtime) -> Plan {
    build_only_servers();
    Plan::new(runtime).log("level", "\"off\"").limit("idle_s", 0)
}
