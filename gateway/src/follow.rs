//! Following the herd: one of its servers sends its records, which go into the copy.
//!
//! When the connection is lost the same server is tried once more, as it goes on where it was, and then the next one,
//! which sends its whole table. Records are merged by their own order, so that none is missed and none is taken twice.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use herd_clock as clock;
use herd_config::address::Address;
use herd_config::secret::{self, Mode};
use herd_config::{Failure, Roster};
use herd_core::{Follower, FollowerConfig, FollowerEvent, Instant, LinkKind, Position, Seed};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::replica::{Record, Replica};

/// How long a server may take to accept a connection, and to take what it is told.
const STALLED: Duration = Duration::from_secs(3);

const READ_BYTES: usize = 64 * 1024;

/// Whom to follow, and by what secret.
#[derive(Debug)]
pub(crate) struct Following {
    follower: Follower,
    servers: Vec<(String, Address)>,
}

impl Following {
    /// The servers of a roster, with its secret; none where they secure their links by TLS.
    ///
    /// # Errors
    ///
    /// Where the herd's secret is not to be had.
    pub(crate) fn of_roster(roster: &Roster, seed: [u8; 32]) -> Result<Option<Self>, Failure> {
        if roster.tls.as_ref().is_some_and(|tls| tls.links) {
            log::warn!(
                "links are secured by TLS, for which a gateway has no certificate: it shows what it has reported itself"
            );
            return Ok(None);
        }
        let mut warnings = Vec::new();
        let secret =
            secret::find(roster, &|name| std::env::var_os(name), Mode::Start, &mut warnings)?;
        warnings.iter().for_each(|warning| log::warn!("{warning}"));
        let follower = Follower::new(FollowerConfig {
            name: "herd-gateway".into(),
            server: None,
            secret,
            after: Position::START,
            seed: Seed(seed),
        });
        let follower =
            follower.map_err(|error| Failure::wrong(format!("{}: {error}", roster.name)))?;
        let servers = roster.servers.iter().filter(|server| server.links == LinkKind::Herd);
        let servers = servers.map(|server| {
            let address = server.link.as_ref().map_or(&server.address, |link| &link.address);
            (server.name.clone(), address.clone())
        });
        Ok(Some(Self { follower, servers: servers.collect() }))
    }
}

/// Follows one server after the other, for ever.
pub(crate) async fn follow(following: Following, replica: Arc<Replica>) {
    let Following { mut follower, servers } = following;
    let mut at = 0;
    // Said once of each, until it can be followed again.
    let mut is_said = vec![false; servers.len()];
    loop {
        if let Some(due) = follower.connect_at() {
            sleep(due.since(clock::now().mono)).await;
        }
        let which = at % servers.len();
        let (name, address) = &servers[which];
        let mut was_up = false;
        let ended = follow_one(&mut follower, address, &replica, &mut was_up).await;
        replica.set_following(false);
        follower.handle_disconnected(clock::now().mono);
        if was_up {
            is_said[which] = false;
        } else {
            at += 1;
            if !core::mem::replace(&mut is_said[which], true) {
                log::warn!("{name} at {address} cannot be followed: {ended}");
            }
        }
    }
}

/// Follows a server until that ends, and says why it did.
async fn follow_one(
    follower: &mut Follower,
    address: &Address,
    replica: &Replica,
    was_up: &mut bool,
) -> String {
    let mut stream = match connect(address).await {
        Ok(stream) => stream,
        Err(error) => return error.to_string(),
    };
    follower.handle_connected(clock::now().mono, None);
    let mut bytes = Vec::with_capacity(READ_BYTES);
    let mut records = Vec::new();
    loop {
        let output = follower.take_output();
        match timeout(STALLED, stream.write_all(&output)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.to_string(),
            Err(_) => return "it takes no more bytes".to_owned(),
        }
        bytes.clear();
        let due = follower.poll_timeout().unwrap_or_default();
        tokio::select! {
            read = stream.read_buf(&mut bytes) => match read {
                Ok(0) => return "it has closed the connection".to_owned(),
                Ok(_) => {}
                Err(error) => return error.to_string(),
            },
            () = wait(due) => {
                if let Err(error) = follower.handle_timeout(clock::now().mono) {
                    return error.to_string();
                }
                continue;
            }
        }
        let mut is_caught_up = false;
        let handled = follower.handle_input(clock::now().mono, &bytes, |event| match event {
            FollowerEvent::Up { .. } => *was_up = true,
            FollowerEvent::Record { line, .. } => records.extend(Record::of_line(line)),
            FollowerEvent::CaughtUp => is_caught_up = true,
            FollowerEvent::Marked(_) | _ => {}
        });
        replica.apply(records.drain(..));
        if is_caught_up {
            replica.set_following(true);
        }
        if let Err(error) = handled {
            return error.to_string();
        }
    }
}

async fn connect(address: &Address) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host(), address.port()));
    let stream = timeout(STALLED, stream).await.map_err(|_| io::ErrorKind::TimedOut)??;
    // Acknowledgements are small and wanted now; a connection that takes no options will say so itself.
    _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn wait(due: Instant) {
    sleep(due.since(clock::now().mono)).await;
}
