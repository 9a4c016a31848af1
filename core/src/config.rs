//! What a server is told once, when it starts.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use zeroize::Zeroizing;

use crate::changes::DEFAULT_RING;

/// Everything a [`Herd`](crate::Herd) needs to know. Begin with [`Config::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct Config {
    /// This server's ID, the one its `AT` lines carry.
    pub name: Box<str>,
    /// The servers it talks with. A [`PeerId`](crate::PeerId) is a position in this list.
    pub neighbours: Vec<Neighbour>,
    /// What every server of the herd knows and nobody else does; see [`MIN_SECRET_BYTES`].
    pub secret: Secret,
    /// Which provider `WHATSAT` asks.
    pub dialect: Dialect,
    /// How long one lookup may take, from connecting to the last byte. Waiting for a turn is not
    /// counted.
    pub lookup_timeout: Duration,
    /// Whether neighbours connect to the address that clients use.
    pub shared_address: bool,
    /// Which connections must finish TLS before any byte of theirs is read.
    pub secured: Secured,
    /// Resource limits.
    pub limits: Limits,
    /// How many changes are remembered for neighbours, rounded up to a power of two, 2^24 at most; one that falls
    /// further behind is sent the table. [`DEFAULT_RING`] unless there is a reason.
    pub ring: u32,
    /// Entropy: keys the table's hash, the jitter, the nonces and this start's incarnation. Two starts
    /// must never share one.
    pub seed: Seed,
}

/// A server that this one talks with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Neighbour {
    /// Its server ID.
    pub name: Box<str>,
    /// How the two talk.
    pub kind: LinkKind,
}

/// How two neighbours talk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LinkKind {
    /// One connection both ways, opened by a handshake, with progress and resume.
    Herd,
    /// Bare `AT` lines without any proof of who sends them: for other implementations.
    Plain,
}

/// Which connections the driver secures (by TLS), and tells of with
/// [`Herd::handle_secured`](crate::Herd::handle_secured) before any bytes of theirs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Secured {
    /// Those of clients, but for clients at the address of a plain server.
    pub clients: bool,
    /// Those between servers, but for plain ones. Without a certificate of the neighbour's there is no
    /// link.
    pub links: bool,
}

/// The provider a `WHATSAT` asks, which decides the limits, the request and the answer's form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Google Places Nearby Search.
    Places,
    /// Google's Places API (New), its answers rendered in the format of Nearby Search.
    PlacesNew,
    /// The 2012 Twitter search.
    Posts,
}

/// What a server draws its random numbers from. `Debug` does not show it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Seed(pub [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The herd's shared secret. `Debug` does not show it, and its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes the secret's bytes as they are. A slice is copied, and the caller's bytes are the caller's to wipe;
    /// a vector with room to spare may leave a copy behind.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// What a server allows, so that nobody can hurt the herd. The names are those of the configuration
/// file; the unit is in the name, or the thing counted is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Client connections at once; links are not counted.
    pub connections: u32,
    /// Client connections at once from one address; 0 is any number.
    pub address_connections: u32,
    /// Bytes a second read from one address, averaged over some seconds; 0 is any number.
    pub address_bytes_s: u32,
    /// Whether these two hold for loopback too.
    pub address_loopback: bool,
    /// Connections at once that were accepted and have not finished the handshake of a link, beside one for
    /// each neighbour.
    pub handshakes: u32,
    /// Followers at once; 0 lets none in.
    pub followers: u32,
    /// Bytes of a client's line, LF not counted.
    pub line_bytes: u32,
    /// Bytes of a client ID, [`MAX_CLIENT_BYTES`] at most.
    pub client_id_bytes: u32,
    /// Answers owed to one connection before reading from it pauses.
    pub pipeline: u32,
    /// Bytes waiting to be taken by one client before reading from it pauses.
    pub output_bytes: u32,
    /// Bytes of answers that all clients together have not taken; past it, those are closed that are furthest
    /// behind with reading. At least two answers of `body_bytes`.
    pub answers_bytes: u32,
    /// Seconds after which a client that takes nothing of what waits for it is closed.
    pub stalled_s: u32,
    /// Seconds after which a silent client is closed; 0 is never.
    pub idle_s: u32,
    /// Lookups under way at once.
    pub lookups: u32,
    /// Lookups waiting for a turn.
    pub lookup_queue: u32,
    /// Bytes of a provider's body.
    pub body_bytes: u32,
    /// Records in the table.
    pub clients: u32,
    /// Seconds after whose passing, counted from its own time stamp, a record is forgotten; 0 is
    /// never.
    pub record_age_s: u32,
    /// Seconds that a report may be stamped ahead of this server's clock and still be kept; 0 is any.
    pub ahead_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            address_connections: 1000,
            address_bytes_s: 0,
            address_loopback: false,
            handshakes: 1024,
            followers: 64,
            line_bytes: 8192,
            client_id_bytes: 255,
            pipeline: 128,
            output_bytes: 64 * 1024,
            answers_bytes: 256 * 1024 * 1024,
            stalled_s: 30,
            idle_s: 600,
            lookups: 256,
            lookup_queue: 4096,
            body_bytes: 2 * 1024 * 1024,
            clients: 1_000_000,
            record_age_s: 0,
            ahead_s: 86_400,
        }
    }
}

/// A client ID has at most this many bytes, on every server.
pub const MAX_CLIENT_BYTES: usize = 255;
/// A location has at most this many bytes.
pub const MAX_LOCATION_BYTES: usize = 128;
/// A time stamp has at most this many bytes.
pub const MAX_TIME_BYTES: usize = 64;
/// A server ID has at most this many bytes.
pub const MAX_SERVER_BYTES: usize = 64;
/// A secret has at least this many bytes.
pub const MIN_SECRET_BYTES: usize = 16;

impl Config {
    /// A server named `name` without neighbours, with the default limits and 10 seconds for a lookup.
    pub fn new(name: impl Into<Box<str>>, seed: Seed) -> Self {
        Self {
            name: name.into(),
            neighbours: Vec::new(),
            secret: Secret::new([]),
            dialect: Dialect::Places,
            lookup_timeout: Duration::from_secs(10),
            shared_address: false,
            secured: Secured::default(),
            limits: Limits::default(),
            ring: DEFAULT_RING,
            seed,
        }
    }

    /// Says whether a server can run with this.
    ///
    /// # Errors
    ///
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_name(&self.name)?;
        for (at, neighbour) in self.neighbours.iter().enumerate() {
            check_name(&neighbour.name)?;
            if neighbour.name == self.name {
                return Err(ConfigError::OwnNeighbour);
            }
            if self.neighbours[..at].iter().any(|other| other.name == neighbour.name) {
                return Err(ConfigError::NeighbourTwice);
            }
        }
        if self.neighbours.len() > usize::from(u16::MAX) {
            return Err(ConfigError::TooManyNeighbours);
        }
        let needs_secret = self.neighbours.iter().any(|neighbour| neighbour.kind == LinkKind::Herd);
        if needs_secret && self.secret.0.len() < MIN_SECRET_BYTES {
            return Err(ConfigError::ShortSecret);
        }
        if self.lookup_timeout.is_zero() {
            return Err(ConfigError::ZeroLimit("timeout_ms"));
        }
        self.limits.check()
    }
}

impl Limits {
    /// Says whether a server can run with these limits.
    ///
    /// # Errors
    ///
    /// The first key whose value is outside its range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let positive = [
            ("connections", self.connections),
            ("handshakes", self.handshakes),
            ("line_bytes", self.line_bytes),
            ("client_id_bytes", self.client_id_bytes),
            ("pipeline", self.pipeline),
            ("output_bytes", self.output_bytes),
            ("stalled_s", self.stalled_s),
            ("lookups", self.lookups),
            ("body_bytes", self.body_bytes),
            ("clients", self.clients),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::ZeroLimit(key));
        }
        let capped = [
            ("handshakes", self.handshakes, 1 << 16),
            ("followers", self.followers, 1 << 16),
            ("client_id_bytes", self.client_id_bytes, 255),
            ("line_bytes", self.line_bytes, 1 << 24),
            ("output_bytes", self.output_bytes, 1 << 30),
            ("body_bytes", self.body_bytes, 1 << 30),
            ("clients", self.clients, 1 << 30),
        ];
        if let Some((key, _, most)) = capped.iter().find(|(_, value, most)| value > most) {
            return Err(ConfigError::LimitTooLarge(key, *most));
        }
        let least = self.least_answers_bytes();
        if self.answers_bytes < least {
            return Err(ConfigError::LimitTooSmall("answers_bytes", least));
        }
        Ok(())
    }

    /// The least that `answers_bytes` can be: two answers of `body_bytes`, so that one always finds room.
    pub fn least_answers_bytes(&self) -> u32 {
        self.body_bytes.saturating_mul(2)
    }
}

/// Why a server cannot run with a [`Config`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A server ID is empty, longer than [`MAX_SERVER_BYTES`], or has other than printable ASCII in it.
    BadName,
    /// A server is its own neighbour.
    OwnNeighbour,
    /// A neighbour is named twice.
    NeighbourTwice,
    /// More neighbours than a [`PeerId`](crate::PeerId) can count.
    TooManyNeighbours,
    /// The secret is shorter than [`MIN_SECRET_BYTES`].
    ShortSecret,
    /// A limit that cannot be zero is.
    ZeroLimit(&'static str),
    /// A limit is above the most it can be.
    LimitTooLarge(&'static str, u32),
    /// A limit is below the least it can be, as others are set.
    LimitTooSmall(&'static str, u32),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName => {
                write!(
                    f,
                    "a server's name is 1 to {MAX_SERVER_BYTES} printable ASCII characters without spaces"
                )
            }
            Self::OwnNeighbour => write!(f, "a server cannot talk with itself"),
            Self::NeighbourTwice => write!(f, "a neighbour is named twice"),
            Self::TooManyNeighbours => write!(f, "a server has at most {} neighbours", u16::MAX),
            Self::ShortSecret => write!(f, "the secret is shorter than {MIN_SECRET_BYTES} bytes"),
            Self::ZeroLimit(key) => write!(f, "`{key}` cannot be 0"),
            Self::LimitTooLarge(key, most) => write!(f, "`{key}` can be {most} at most"),
            Self::LimitTooSmall(key, least) => {
                write!(f, "`{key}` can be {least} at least, which is two answers of `body_bytes`")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

pub(crate) fn check_name(name: &str) -> Result<(), ConfigError> {
    let fits = (1..=MAX_SERVER_BYTES).contains(&name.len());
    if fits && name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(ConfigError::BadName)
}
