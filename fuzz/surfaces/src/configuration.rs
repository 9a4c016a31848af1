//! Configuration files.

use std::collections::BTreeSet;
use std::path::Path;

use herd_config::config;

/// Reads `data` as a configuration file.
///
/// What is refused must be refused with the file's name; what is taken must hold together.
///
/// # Panics
///
/// Where it is not, or does not.
pub fn configuration(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match config::parse(Path::new("/etc/herd/herd.toml"), text) {
        Err(failure) => {
            let message = failure.to_string();
            assert!(message.starts_with("/etc/herd/herd.toml"), "where? {message}");
        }
        Ok(roster) => {
            assert!(!roster.servers.is_empty(), "a herd without servers");
            let names: BTreeSet<_> = roster.servers.iter().map(|server| &server.name).collect();
            assert_eq!(names.len(), roster.servers.len(), "a name twice");
            assert_eq!(roster.limits.check(), Ok(()));
            for server in &roster.servers {
                assert_eq!(
                    roster.find(&server.name).map(|at| &roster.servers[at].name).ok(),
                    Some(&server.name)
                );
            }
            _ = roster.is_loopback();
            _ = roster.unreached();
        }
    }
}
