//! Reading: the lines of a connection, as far as its flow allows, to whoever its role says.

use alloc::vec::Vec;

use super::{BATCH, Entry, Herd, LINK_LINE_BYTES, Subject, recycle};
use crate::command::Malformed;
use crate::config::Limits;
use crate::conns::{Door, Role};
use crate::directory::Place;
use crate::flow::{Lines, ReadState};
use crate::follow::FOLLOW;
use crate::framer::Next;
use crate::handshake::HELLO;
use crate::ids::ConnId;
use crate::notice::{Goodbye, Refusal};
use crate::output::Output;
use crate::time::Now;

impl Herd {
    /// Reads `input` where it lies, behind what is kept already, and keeps what is still too early.
    pub(super) fn read_input(&mut self, now: Now, id: ConnId, input: &[u8], out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let mut rest = input;
        if !conn.framer.is_empty() {
            // What is kept becomes one line with what comes first here, or more is kept.
            let is_held = conn.flow.lines != Lines::Flowing;
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let (first, behind) = rest.split_at(if is_held { rest.len() } else { line });
            conn.framer.push(first);
            rest = behind;
            self.read_buffered(now, id, out);
        }
        if !rest.is_empty() {
            let done = self.read(now, id, rest, out);
            if let Some(conn) = self.conns.get_mut(id) {
                conn.framer.push(&rest[done..]);
            }
        }
    }

    /// Reads what is kept, as far as the flow allows.
    pub(super) fn read_buffered(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let (buffer, consumed) = conn.framer.take();
        let consumed = consumed + self.read(now, id, &buffer[consumed..], out);
        if let Some(conn) = self.conns.get_mut(id) {
            conn.framer.put_back(buffer, consumed);
        }
    }

    /// Reads what was held until there was room for the answers.
    pub(super) fn read_due(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.flow.lines = Lines::Flowing;
        self.read_buffered(now, id, out);
        if let Some(conn) = self.conns.get_mut(id) {
            conn.flow.update_driver(id, out);
        }
        self.finish_if_done(now, id, out);
    }

    /// Reads the whole lines of `input` until the flow is held back, and says how many bytes are done with.
    fn read(&mut self, now: Now, id: ConnId, input: &[u8], out: &mut Output) -> usize {
        let mut done = 0;
        while done < input.len() {
            let Some(conn) = self.conns.get_mut(id) else { return input.len() };
            if conn.flow.read == ReadState::Ignored {
                return input.len();
            }
            if conn.flow.lines != Lines::Flowing {
                break;
            }
            let rest = &input[done..];
            let limit = line_limit(&conn.role, rest, &self.config.limits);
            match conn.framer.next(rest, limit) {
                Next::Line { end } => done += self.read_lines(now, id, rest, end, limit, out),
                Next::Skipped(bytes) => done += bytes,
                Next::Long => {
                    done += limit;
                    self.read_long_line(now, id, &rest[..limit], out);
                }
                Next::Unfinished => break,
            }
        }
        done
    }

    /// Reads one line or more, of which the first ends at `end`.
    fn read_lines(
        &mut self,
        now: Now,
        id: ConnId,
        input: &[u8],
        end: usize,
        limit: usize,
        out: &mut Output,
    ) -> usize {
        match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Client { .. }) => self.read_commands(now, id, input, limit, out),
            Some(Role::Link(peer)) => self.read_updates(now, *peer, id, input, limit, out),
            Some(Role::Follower) => {
                self.read_follower(now, id, &input[..end], out);
                end + 1
            }
            Some(Role::Undecided(door)) => self.decide(now, id, *door, &input[..end], out),
            Some(Role::Opening(opening)) => {
                self.prove(now, id, *opening, &input[..end], out);
                end + 1
            }
            Some(Role::Question) | None => input.len(),
        }
    }

    /// The lines that `input` begins with, as many as one batch holds. Whom each is about `client_of` says; the
    /// records of those clients are fetched from memory.
    #[inline]
    pub(super) fn find_lines<'i>(
        &mut self,
        input: &'i [u8],
        limit: usize,
        client_of: impl Fn(&'i [u8]) -> Option<&'i [u8]>,
    ) -> Vec<Entry<'i>> {
        let mut batch = recycle(core::mem::take(&mut self.batch));
        let mut at = 0;
        while batch.len() < BATCH
            && let line = &input[at..input.len().min(at + limit + 1)]
            && let Some(length) = memchr::memchr(b'\n', line)
        {
            let client = client_of(&line[..length]).unwrap_or_default();
            at += length + 1;
            batch.push(Entry { end: at, client, hash: self.directory.hash(client) });
        }
        self.directory.warm(batch.iter().map(|entry| entry.hash));
        batch
    }

    /// Whom a line of a batch seems to be about.
    #[inline(always)]
    pub(super) fn subject<'i>(&self, entry: &Entry<'i>) -> Subject<'i> {
        let place = self.directory.find_hashed(entry.hash, entry.client);
        Subject { client: entry.client, place }
    }

    /// Where the record of `client` is, of whom a line turned out to be.
    pub(super) fn place_of(&self, client: &[u8], subject: Subject<'_>) -> Place {
        if client == subject.client { subject.place } else { self.directory.find(client) }
    }

    fn read_long_line(&mut self, now: Now, id: ConnId, begin: &[u8], out: &mut Output) {
        self.counters.long_lines += 1;
        match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Link(_)) => self.drop_line(id, Malformed::LongLine, out),
            Some(Role::Follower) => self.close(now, id, Goodbye::NotAnAck, out),
            Some(Role::Undecided(Door::Shared { .. })) => {
                // It was given the room of a handshake.
                let begin = &begin[..begin.len().min(self.config.limits.line_bytes as usize)];
                self.become_client_if_undecided(id);
                self.refuse_long_line(now, id, begin, out);
            }
            Some(Role::Client { .. }) => self.refuse_long_line(now, id, begin, out),
            Some(Role::Undecided(_) | Role::Opening(_)) => {
                self.refuse(now, id, Refusal::NotAHandshake, out);
            }
            Some(Role::Question) | None => {}
        }
    }
}

/// How long the line that `rest` begins with may be. What a server's own settings allow is for clients
/// alone, or the tables of servers that are set differently would differ.
fn line_limit(role: &Role, rest: &[u8], limits: &Limits) -> usize {
    let own = limits.line_bytes as usize;
    let begins = |hello: &[u8]| hello.starts_with(&rest[..rest.len().min(hello.len())]);
    let may_be_hello = || begins(HELLO) || begins(FOLLOW);
    match role {
        Role::Client { .. } => own,
        Role::Undecided(Door::Shared { .. }) if may_be_hello() => own.max(LINK_LINE_BYTES),
        Role::Undecided(Door::Shared { .. }) => own,
        Role::Undecided(Door::Links | Door::SharedFull(_))
        | Role::Opening(_)
        | Role::Link(_)
        | Role::Follower => LINK_LINE_BYTES,
        Role::Question => 0,
    }
}
