//! Following the herd: the copy is kept what the servers hold, whoever was told first.
//!
//! One connection at a time, to the first server that can be had; when it is lost the next one takes its place. The
//! handshake and what the lines mean are [`Follower`]'s; here are the socket and the clock. Records that one server
//! sends again after another did change nothing, since the copy merges as servers do.

use core::time::Duration;
use std::env;
use std::io;
use std::sync::Arc;

use herd_clock as clock;
use herd_config::address::Address;
use herd_config::secret::{self, Mode};
use herd_config::{Failure, Roster};
use herd_core::{
    Follower, FollowerConfig, FollowerError, FollowerEvent, Instant, LinkKind, Position, Secret,
    Seed,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::replica::{Record, Replica};

/// What the gateway calls itself to the servers.
const NAME: &str = "gateway";
/// How long a server may take to accept the connection, or to take an `ACK`.
const PATIENCE: Duration = Duration::from_secs(5);
const READ_BYTES: usize = 256 * 1024;

/// Where the servers of a herd take followers, and what proves that this is one.
#[derive(Debug)]
pub(crate) struct Following {
    /// The servers' names, and where they take links.
    servers: Vec<(String, Address)>,
    secret: Secret,
}

impl Following {
    /// What it takes to follow the herd of `roster`.
    ///
    /// # Errors
    ///
    /// Where the secret of the herd cannot be had, and where links need TLS, which a gateway cannot show a
    /// certificate for yet.
    pub(crate) fn of_roster(roster: &Roster) -> Result<Self, Failure> {
        if roster.tls.as_ref().is_some_and(|tls| tls.links) {
            return Err(Failure::wrong(format!(
                "{}: the links of this herd use TLS, and a gateway has no certificate of its own yet: set \
                 `links = false` in [tls], on every server",
                roster.name
            )));
        }
        let mut warnings = Vec::new();
        let secret = secret::find(roster, &|name| env::var_os(name), Mode::Start, &mut warnings)?;
        for warning in warnings {
            log::warn!("{warning}");
        }
        let servers = roster.servers.iter().filter(|server| server.links == LinkKind::Herd);
        let address = |server: &herd_config::roster::Server| {
            server.link.as_ref().map_or_else(|| server.address.clone(), |link| link.address.clone())
        };
        let servers = servers.map(|server| (server.name.clone(), address(server))).collect();
        Ok(Self { servers, secret })
    }

    /// Feeds `replica` with what the servers hold, for ever.
    ///
    /// # Errors
    ///
    /// Only where following cannot begin.
    pub(crate) async fn run(self, replica: Arc<Replica>) -> io::Result<()> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let config = FollowerConfig {
            name: NAME.into(),
            server: None,
            secret: self.secret,
            after: Position::START,
            seed: Seed(seed),
        };
        let mut follower = Follower::new(config).map_err(io::Error::other)?;
        // Each server is complained of once, until it has been followed.
        let mut is_named = vec![false; self.servers.len()];
        for at in (0..self.servers.len()).cycle() {
            let (name, address) = &self.servers[at];
            let ended = match connect(address).await {
                Ok(stream) => {
                    follower.handle_connected(now(), None);
                    follow(stream, &mut follower, &replica, || is_named.fill(false)).await
                }
                Err(error) => error,
            };
            replica.set_following(false);
            if !core::mem::replace(&mut is_named[at], true) {
                log::warn!("{name} at {address} cannot be followed: {ended}");
            }
            follower.handle_disconnected(now());
            if let Some(next) = follower.connect_at() {
                sleep(next.since(now())).await;
            }
        }
        Ok(())
    }
}

fn now() -> Instant {
    clock::now().mono
}

async fn connect(address: &Address) -> io::Result<TcpStream> {
    let connecting = TcpStream::connect((address.host(), address.port()));
    let stream = timeout(PATIENCE, connecting).await.map_err(|_| io::ErrorKind::TimedOut)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Reads until the connection ends, and says why.
async fn follow(
    mut stream: TcpStream,
    follower: &mut Follower,
    replica: &Replica,
    mut is_up: impl FnMut(),
) -> io::Error {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let output = follower.take_output();
        match timeout(PATIENCE, stream.write_all(&output)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(_) => return io::ErrorKind::TimedOut.into(),
        }
        let wait = follower.poll_timeout().map_or(PATIENCE, |due| due.since(now()));
        let read = match timeout(wait, stream.read(&mut bytes)).await {
            Ok(Ok(0)) => {
                return io::Error::new(io::ErrorKind::UnexpectedEof, "it ended the connection");
            }
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return error,
            Err(_) => match follower.handle_timeout(now()) {
                Ok(()) => continue,
                Err(error) => return unfit(error),
            },
        };
        let (mut records, mut began) = (Vec::new(), false);
        let taken = follower.handle_input(now(), &bytes[..read], |event| match event {
            FollowerEvent::Record { line, .. } => records.extend(Record::of_line(line)),
            FollowerEvent::Up { .. } => began = true,
            _ => {}
        });
        replica.apply(records);
        if began {
            is_up();
            replica.set_following(true);
        }
        if let Err(error) = taken {
            return unfit(error);
        }
    }
}

fn unfit(error: FollowerError) -> io::Error {
    io::Error::other(error.to_string())
}
