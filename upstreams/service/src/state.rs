//! Where a program keeps what is to stay.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The user's directory for what is to stay: `XDG_STATE_HOME`, `STATE_DIRECTORY` or `~/.local/state`, whichever
/// is set first, looked up by `env`. A path that is not absolute counts as not set.
///
/// Herd servers share their secret by the same rule, which herd-config has to itself: it can not depend on
/// this crate and thus on tokio.
pub fn state_dir(env: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: PathBuf| path.is_absolute().then_some(path);
    let xdg = || env("XDG_STATE_HOME").map(PathBuf::from).and_then(absolute);
    // systemd separates several by colons.
    let systemd = || {
        env("STATE_DIRECTORY").and_then(|dirs| env::split_paths(&dirs).next()).and_then(absolute)
    };
    let home = || env("HOME").map(PathBuf::from).and_then(absolute);
    xdg().or_else(systemd).or_else(|| Some(home()?.join(".local/state")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_counts() {
        for (set, want) in [
            (&["XDG_STATE_HOME=/x", "STATE_DIRECTORY=/s", "HOME=/h"][..], Some("/x")),
            (&["XDG_STATE_HOME=x", "STATE_DIRECTORY=/s:/t", "HOME=/h"], Some("/s")),
            (&["HOME=/h"], Some("/h/.local/state")),
            (&["HOME=h"], None),
            (&[], None),
        ] {
            let set: Vec<_> = set.iter().map(|pair| pair.split_once('=').unwrap()).collect();
            let found = state_dir(&|name| {
                set.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into())
            });
            assert_eq!(found, want.map(PathBuf::from), "{set:?}");
        }
    }
}
