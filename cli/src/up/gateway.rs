//! The gateway that a herd has on this machine: whether to start one, and how.

use crate::child::Program;
use core::time::Duration;
use herd_config::Roster;
use herd_config::address::Address;
use std::env;
use std::ffi::OsString;
use std::net::{TcpStream, ToSocketAddrs as _};

/// What messages call it.
pub(super) const NAME: &str = "herd-gateway";

/// Where that of a built-in herd listens.
const USUAL: &str = "127.0.0.1:12080";

/// A gateway to start.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) program: Program,
    pub(super) address: Address,
    pub(super) args: Vec<OsString>,
}

/// What came of looking for one.
#[derive(Debug)]
pub(super) enum Wanted {
    Start(Gateway),
    /// Something is to be said instead.
    Without(String),
    No,
}

/// The gateway of this herd: a built-in one has one wherever the program is there, that of a file where the file has
/// `[gateway]`.
pub(super) fn wanted(roster: &Roster, is_built_in: bool, chosen: Vec<OsString>) -> Wanted {
    let address = match &roster.gateway {
        Some(address) => address.clone(),
        None if is_built_in => Address::parse(USUAL).expect("the usual address is one"),
        None => return Wanted::No,
    };
    let beside = env::current_exe()
        .ok()
        .map(|own| own.with_file_name(NAME).with_extension(env::consts::EXE_EXTENSION));
    let Some(program) = beside.filter(|path| path.is_file()) else {
        if is_built_in {
            return Wanted::No;
        }
        return Wanted::Without(format!(
            "there is no {NAME} beside this program: `cargo build --release -p {NAME}` builds it"
        ));
    };
    if is_taken(&address) {
        return Wanted::Without(format!("no {NAME}: something listens on {address} already"));
    }
    let mut args = chosen;
    args.extend(["--listen".into(), address.to_string().into()]);
    Wanted::Start(Gateway { program: Program::Other(program), address, args })
}

/// Whether somebody listens there, such as the gateway of another herd.
fn is_taken(address: &Address) -> bool {
    let places = (address.host(), address.port()).to_socket_addrs();
    places.is_ok_and(|mut places| {
        places.any(|place| TcpStream::connect_timeout(&place, Duration::from_secs(1)).is_ok())
    })
}
