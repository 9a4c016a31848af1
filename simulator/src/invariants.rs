//! What must hold in every herd, whatever happens to it, and why.

use core::fmt;

/// A rule that no herd may break.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Invariant {
    /// A record gives way to a greater one only.
    Forward,
    /// The table is what the rules make of the lines that were read.
    Table,
    /// After healing all tables are equal, and hold the greatest records.
    Converge,
    /// A record crosses a link once each way at most.
    Once,
    /// What a link promises by `MARK` and `ACK` is true.
    Progress,
    /// A link goes on where it ended only between the same starts of both servers.
    Resume,
    /// Only neighbours become links, and neighbours do.
    Links,
    /// Replies answer the commands of their connection, in order, one for one.
    Replies,
    /// No answer reaches another's connection.
    Stray,
    /// Lookups ask what was asked for, in turn, in their time.
    Lookups,
    /// Connections are closed for the reasons there are, and when it is time.
    Closing,
    /// Memory stays inside the limits.
    Memory,
    /// Nothing makes the core panic.
    Sound,
    /// The same seed gives the same run, bit for bit.
    Same,
}

/// A row of the table: the rule, and what it would mean to break it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Which.
    pub invariant: Invariant,
    /// What one types.
    pub name: &'static str,
    /// What must hold.
    pub rule: &'static str,
    /// Why it must.
    pub reason: &'static str,
    /// When it is looked at.
    pub when: &'static str,
}

/// All of them.
pub const TABLE: [Row; 14] = [
    Row {
        invariant: Invariant::Forward,
        name: "forward",
        rule: "A client's record only gives way to a greater one, by time stamp and then by the bytes of \
               its line; it goes without a successor only from a full table or for its age.",
        reason: "Records travel by several ways and overtake each other. A table that could go back \
                 would show a client where it was, and two tables could chase each other for ever.",
        when: "each record that a step touched, after the step",
    },
    Row {
        invariant: Invariant::Table,
        name: "table",
        rule: "A server's table is what the naive model makes of the lines it was handed.",
        reason: "Convergence alone would also be satisfied by a herd that loses everything everywhere.",
        when: "each record that a step touched and the number of records after the step, the whole \
               table every 64 steps and at the end",
    },
    Row {
        invariant: Invariant::Converge,
        name: "converge",
        rule: "After healing, all tables are equal and hold the greatest record of each client that any \
               live server accepted, or the greatest of those where the table is too small; then \
               records stop crossing links, until a new report reaches everybody.",
        reason: "This is what a herd is for: any server answers from its own memory. And a herd that \
                 does not fall silent would use up its links with nothing to say.",
        when: "in the liveness phase",
    },
    Row {
        invariant: Invariant::Once,
        name: "once",
        rule: "A record crosses a connection at most once each way, never on the link it came by, and \
               after a resumed link only if it was not acknowledged before.",
        reason: "Graphs have loops. What is sent back or twice multiplies around them.",
        when: "each line sent on a link",
    },
    Row {
        invariant: Invariant::Progress,
        name: "progress",
        rule: "When `MARK n` is sent, every record up to change n that the neighbour did not send itself \
               has been sent; `ACK n` repeats a mark that was received.",
        reason: "A link resumes behind the last acknowledgement: what was promised and not sent is \
                 missing for ever.",
        when: "each line sent on a link",
    },
    Row {
        invariant: Invariant::Resume,
        name: "resume",
        rule: "A link that comes back goes on where it ended if both servers are the same starts as \
               before, and else begins with the whole table.",
        reason: "A server that was started again has an empty table and lacks what its predecessor \
                 acknowledged.",
        when: "each link that comes up",
    },
    Row {
        invariant: Invariant::Links,
        name: "links",
        rule: "A connection becomes a link only if a neighbour dialled it and both proved themselves, \
               and a neighbour's is refused only for lateness; nothing but a handshake precedes the \
               records; a silent link is closed after 15 s, no earlier.",
        reason: "Whoever gets a link can write into every table of the herd.",
        when: "each link that comes up, is refused or goes down",
    },
    Row {
        invariant: Invariant::Replies,
        name: "replies",
        rule: "What a client is sent are the replies to its commands, in order, one for one, each as \
               soon as it is due, an answer with its body in one write.",
        reason: "Clients tell answers apart by nothing but their order.",
        when: "after every step",
    },
    Row {
        invariant: Invariant::Stray,
        name: "stray",
        rule: "No body that a provider sent for one lookup stands in the answer to another.",
        reason: "A late answer that finds the next one waiting would tell a client of other places, \
                 and of somebody else's.",
        when: "each byte sent to a client; every body carries the number of its lookup",
    },
    Row {
        invariant: Invariant::Lookups,
        name: "lookups",
        rule: "Lookups begin as soon as there is room, in turn, those of one connection in the order they \
               were asked in, with the request that the protocol says; they are given up when their time is \
               up or their client is gone, not before.",
        reason: "A lookup that is forgotten blocks every answer behind it; one begun out of turn lets a \
                 busy client starve the others.",
        when: "after every step",
    },
    Row {
        invariant: Invariant::Closing,
        name: "closing",
        rule: "A client is closed when it ended and has all its answers, when it is idle or stalled for \
               as long as the limits say, or when it is one too many; for no other reason, and then in \
               time.",
        reason: "Who is closed early loses answers; who is never closed holds a place for ever.",
        when: "each connection closed; after every step for those that are done",
    },
    Row {
        invariant: Invariant::Memory,
        name: "memory",
        rule: "Records, connections, lookups under way and waiting, answers owed, bytes that wait for a \
               client or for a neighbour stay within their limits, and reading pauses at them.",
        reason: "Nobody can hurt the herd by sending more, or by reading less.",
        when: "after every step; a test also counts the bytes each server has allocated",
    },
    Row {
        invariant: Invariant::Sound,
        name: "sound",
        rule: "No input makes the core panic.",
        reason: "A server that one line can end is ended by whoever knows that line.",
        when: "every step",
    },
    Row {
        invariant: Invariant::Same,
        name: "same",
        rule: "The same seed gives the same run: a digest over everything the servers did is equal, bit \
               for bit.",
        reason: "A failure that cannot be replayed cannot be mended.",
        when: "runs that are made twice",
    },
];

impl Invariant {
    /// Its row of the table.
    pub fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.invariant == self).expect("every invariant has a row")
    }
}

/// How a herd broke a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which rule.
    pub invariant: Invariant,
    /// What was seen.
    pub what: String,
}

impl Violation {
    pub(crate) fn new(invariant: Invariant, what: impl Into<String>) -> Self {
        Self { invariant, what: what.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.invariant.row();
        writeln!(f, "broken: {}: {}", row.name, self.what)?;
        writeln!(f, "  rule:   {}", row.rule)?;
        write!(f, "  reason: {}", row.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_has_one_row() {
        for (at, row) in TABLE.iter().enumerate() {
            assert_eq!(row.invariant.row().name, row.name);
            assert_eq!(row.invariant as usize, at, "the table is in the order of the enum");
        }
    }
}
