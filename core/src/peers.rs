//! The neighbours: who dials, when again, and how far each has been told.

use core::time::Duration;

use crate::config::{LinkKind, Neighbour};
use crate::directory::Directory;
use crate::entropy::Entropy;
use crate::flood::Cursor;
use crate::handshake::Incarnation;
use crate::ids::ConnId;
use crate::sources::Source;
use crate::status::NeighbourStatus;
use crate::time::Instant;

/// One neighbour.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) neighbour: Neighbour,
    /// Whether this server is the one that dials.
    pub(crate) dials: bool,
    pub(crate) state: PeerState,
    pub(crate) cursor: Cursor,
    /// The start of the neighbour that the cursor is about.
    pub(crate) incarnation: Option<Incarnation>,
    /// The last change that the neighbour said it has applied.
    pub(crate) acked: u64,
    /// When it said so last, on whichever link.
    pub(crate) acked_at: Instant,
    /// The last change we said it has been sent.
    pub(crate) marked: u64,
    pub(crate) marked_at: Instant,
    /// The neighbour is to be told how far it is.
    pub(crate) mark_due: bool,
    /// A mark of the neighbour's that we owe an answer.
    pub(crate) ack_due: Option<u64>,
    /// A connection of another start of the neighbour, which has proven itself while there is a link: whether
    /// the link still lives is being found out.
    pub(crate) contender: Option<ConnId>,
    /// The start of the neighbour that was refused because another lives.
    pub(crate) refused: Option<Incarnation>,
    /// How often the neighbour has refused this server, one after the other, because another of its name lives.
    refusals: u32,
    /// The address from which it last proved itself, where it is the one that dials.
    pub(crate) proven_from: Option<Source>,
    /// Links that came up, and how many of them were resumed.
    pub(crate) links: u64,
    pub(crate) resumed: u64,
    /// How long the next pause between two attempts to connect is, before jitter.
    backoff: Duration,
    /// Since when there has been no link, and what was said of it. Nothing while there is one.
    outage: Option<Missing>,
    pub(crate) alarm: Option<Instant>,
}

/// A time without a link.
#[derive(Clone, Copy, Debug)]
struct Missing {
    since: Instant,
    attempts: u32,
    /// How often it was said.
    said: u32,
    /// Whether it was said that a connection could not be made, and that one did not become a link: each is said
    /// when it comes for the first time.
    said_unreachable: bool,
    said_refused: bool,
}

/// What is said of a time without a link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    pub(crate) down: Duration,
    /// Attempts to connect that have failed meanwhile.
    pub(crate) attempts: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PeerState {
    /// No link. Where this server dials, its timer is set for the next attempt.
    Down,
    /// The driver is connecting.
    Dialling,
    /// Connected, with a handshake under way that we began.
    Opening(ConnId),
    /// Linked.
    Up(ConnId),
}

/// The first pause between two attempts to connect, before jitter.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// The longest. A link that lasted as long was well, and the next attempt may be quick.
pub(crate) const LAST_BACKOFF: Duration = Duration::from_secs(2);
/// The first and the longest pause after the neighbour has said that it has a link with another server of our name.
const FIRST_REFUSED: Duration = Duration::from_secs(2);
const LAST_REFUSED: Duration = Duration::from_secs(60);

impl Missing {
    fn new(since: Instant, said: u32) -> Self {
        Self { since, attempts: 0, said, said_unreachable: false, said_refused: false }
    }

    /// When it is next to be said: at once, after 1 minute, after 10 minutes, and every hour.
    fn due(&self) -> Instant {
        let minutes = match self.said {
            0 => 0,
            1 => 1,
            2 => 10,
            said => 60 * u64::from(said - 2),
        };
        self.since.after(Duration::from_secs(60 * minutes))
    }

    fn say(&mut self, now: Instant, is_first: bool) -> Option<Outage> {
        let is_due = self.due() <= now;
        self.said += u32::from(is_due);
        let outage = Outage { down: now.since(self.since), attempts: self.attempts };
        (is_due || is_first).then_some(outage)
    }
}

impl Peer {
    pub(crate) fn new(neighbour: &Neighbour, own_name: &str) -> Self {
        let dials = neighbour.kind == LinkKind::Plain || *own_name < *neighbour.name;
        Self {
            neighbour: neighbour.clone(),
            dials,
            state: PeerState::Down,
            cursor: Cursor::new(1, 0),
            incarnation: None,
            acked: 0,
            acked_at: Instant::default(),
            marked: 0,
            marked_at: Instant::default(),
            mark_due: false,
            ack_due: None,
            contender: None,
            refused: None,
            refusals: 0,
            proven_from: None,
            links: 0,
            resumed: 0,
            backoff: FIRST_BACKOFF,
            outage: None,
            alarm: Some(Instant::default()),
        }
    }

    pub(crate) fn is_plain(&self) -> bool {
        self.neighbour.kind == LinkKind::Plain
    }

    /// The connection of the link, if there is one.
    pub(crate) fn link(&self) -> Option<ConnId> {
        match self.state {
            PeerState::Up(conn) => Some(conn),
            PeerState::Down | PeerState::Dialling | PeerState::Opening(_) => None,
        }
    }

    /// How it is. While the link is down the last change that was acknowledged counts as sent, because that is where
    /// a new link goes on.
    pub(crate) fn status(&self, directory: &Directory) -> NeighbourStatus {
        let up = self.link().is_some();
        let lacking = |known: u64| (directory.changes().last() - known).min(directory.len() as u64);
        let is_resumable = up || self.is_plain();
        NeighbourStatus {
            up,
            links: self.links,
            resumed: self.resumed,
            unsent: lacking(if is_resumable { self.cursor.sent() } else { self.acked }),
            unacknowledged: (!self.is_plain()).then(|| lacking(self.acked)),
            walking: up && self.cursor.is_walking(directory),
        }
    }

    /// Takes note that there is no link now, and says how long until the next attempt to connect, where
    /// it is ours to make: half to all of a pause that doubles each time.
    pub(crate) fn down(&mut self, entropy: &mut Entropy) -> Option<Duration> {
        self.state = PeerState::Down;
        self.dials.then(|| {
            let pause = match self.refusals.checked_sub(1) {
                Some(before) => FIRST_REFUSED.saturating_mul(1 << before.min(10)).min(LAST_REFUSED),
                None => self.backoff,
            };
            let half = pause / 2;
            let span = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).max(1);
            self.backoff = (self.backoff * 2).min(LAST_BACKOFF);
            half + Duration::from_nanos(entropy.number() % span)
        })
    }

    /// The neighbour has been connected to. Whether a log may leave out what becomes of it.
    pub(crate) fn is_quiet(&mut self, now: Instant) -> bool {
        let missing = self.missing(now);
        let is_first = !core::mem::replace(&mut missing.said_refused, true);
        !is_first && missing.due() > now
    }

    /// An attempt to connect has failed, or its handshake has; what to say of it, if it is time.
    pub(crate) fn attempt_failed(&mut self, now: Instant) -> Option<Outage> {
        let is_unreachable = self.state == PeerState::Dialling;
        let missing = self.missing(now);
        missing.attempts = missing.attempts.saturating_add(1);
        let is_first = is_unreachable && !core::mem::replace(&mut missing.said_unreachable, true);
        missing.say(now, is_first)
    }

    /// There is no link now. That one has ended is said elsewhere.
    pub(crate) fn begin_outage(&mut self, now: Instant) -> Option<Outage> {
        let said = u32::from(!self.dials);
        self.outage = Some(Missing::new(now, said));
        None
    }

    /// There is still no link with a neighbour that dials; what to say of it, if it is time.
    pub(crate) fn is_missed(&mut self, now: Instant) -> Option<Outage> {
        if self.outage.is_none() {
            return self.begin_outage(now);
        }
        self.missing(now).say(now, false)
    }

    /// When it is next to be said that there is no link.
    pub(crate) fn outage_said_at(&self) -> Instant {
        self.outage.as_ref().map_or_else(Instant::default, Missing::due)
    }

    /// Takes note that there is a link; how long there was none.
    pub(crate) fn is_up(&mut self, now: Instant) -> Duration {
        self.outage.take().map_or(Duration::ZERO, |missing| now.since(missing.since))
    }

    fn missing(&mut self, now: Instant) -> &mut Missing {
        self.outage.get_or_insert_with(|| Missing::new(now, 0))
    }

    /// Takes note that the neighbour has a link with another server of our name.
    pub(crate) fn is_refused(&mut self) {
        self.refusals = self.refusals.saturating_add(1);
    }

    /// Takes note of a link, or of a server that is gone: whatever it was refused for before is over.
    pub(crate) fn is_not_refused(&mut self) {
        self.refusals = 0;
    }

    /// Takes note that there was a link with the neighbour for a while.
    pub(crate) fn is_well(&mut self) {
        self.backoff = FIRST_BACKOFF;
    }
}
