//! What to ask of which servers, how fast, and for how long.

use core::net::SocketAddr;
use core::time::Duration;
use std::io;

/// What a run is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Connections are dealt out among them in turn.
    pub servers: Vec<Server>,
    /// How many connections there are, to all servers together; at least one.
    pub connections: usize,
    /// How many lines of one connection may be unanswered; at least one.
    pub depth: u32,
    /// What lines and replies look like.
    pub protocol: Protocol,
    /// How many clients the lines are about; at least one.
    pub clients: u32,
    /// Which of them a line is about.
    pub distribution: Distribution,
    /// The share of lines that are WHATSATs, in [0, 1]; the others are IAMATs.
    pub whatsat: f64,
    /// What a WHATSAT asks, and what ends its answer.
    pub question: Question,
    /// Whether each IAMAT has a newer time stamp than the one before, so that it is news for the whole
    /// herd; else a client repeats itself.
    pub fresh: bool,
    /// Whether every client is reported once at every server before anything is measured.
    pub prime: bool,
    /// When a line is sent.
    pub pace: Pace,
    /// How long the load takes to grow to what was asked for. Nothing is measured meanwhile.
    pub ramp: Duration,
    /// When it is over.
    pub end: End,
    /// How long a connection waits for its next answer before it is given up.
    pub patience: Duration,
    /// The processes whose processor time is measured.
    pub pids: Vec<u32>,
}

impl Plan {
    /// 50 connections with one line each in flight, 1000 clients that repeat themselves for 10 s.
    pub fn new(servers: Vec<Server>) -> Self {
        Self {
            servers,
            connections: 50,
            depth: 1,
            protocol: Protocol::Herd,
            clients: 1000,
            distribution: Distribution::Uniform,
            whatsat: 0.0,
            question: Question::default(),
            fresh: false,
            prime: true,
            pace: Pace::Closed,
            ramp: Duration::ZERO,
            end: End::After(Duration::from_secs(10)),
            patience: Duration::from_secs(10),
            pids: Vec::new(),
        }
    }
}

/// A server to load.
#[derive(Clone, Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its server ID; where it is not known, that of its first reply must be that of all others.
    pub name: Option<String>,
}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        Self { address, name: None }
    }
}

/// What lines and replies look like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// IAMAT and WHATSAT.
    Herd,
    /// A copy of the IAMAT comes back: the ceiling of what a server could do, and of what this crate can.
    Echo,
    /// Redis: `SET client location`.
    RedisSet,
    /// Redis: `GEOADD clients longitude latitude client`.
    RedisGeoadd,
}

/// Which client a line is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// All equally often; a client is always on the same connection.
    Uniform,
    /// The k-th most frequent one in proportion to 1 / k to the power of this, on any connection.
    Zipf(f64),
}

/// What a WHATSAT asks, and what ends its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Question {
    /// In whole kilometres.
    pub radius_km: u32,
    /// How many results there may be.
    pub bound: u32,
    /// How the provider's answer stands behind the `AT` line.
    pub body: Body,
}

impl Default for Question {
    fn default() -> Self {
        Self { radius_km: 10, bound: 5, body: Body::Places }
    }
}

/// How the provider's answer stands behind the `AT` line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Body {
    /// JSON that an empty line ends.
    Places,
    /// JSON on one line.
    Posts,
}

/// When a line is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As soon as fewer than [`Plan::depth`] are unanswered.
    Closed,
    /// So many a second on all connections together, whether or not answers come. One that can not be
    /// sent when it is due, because too many are unanswered, is sent late, and its wait counts.
    Open(f64),
}

/// When a run is over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// After this time, the ramp not counted.
    After(Duration),
    /// When so many lines have been answered, those of the ramp not counted.
    Count(u64),
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection to a server came about.
    #[error("can not connect to {}: {source}", .server.address)]
    Connect {
        /// The server.
        server: Server,
        /// What the system said.
        source: io::Error,
    },
    /// The processor time of a process can not be read.
    #[error("can not read the processor time of process {pid}: {source}")]
    Process {
        /// The process.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// Every connection was lost before anything was measured. This is why the first was.
    #[error("every connection was lost before anything was measured: {0}")]
    NotPrimed(String),
    /// The system refuses what a run needs.
    #[error(transparent)]
    System(#[from] io::Error),
}
