//! Bytes in, lines out: framing, and holding back what may not be acted on yet.

use alloc::vec::Vec;

use super::{BATCH, Entry, Herd, LINK_LINE_BYTES, Subject, recycle};
use crate::command::Malformed;
use crate::config::Limits;
use crate::conns::{Door, Input, Role};
use crate::directory::Place;
use crate::handshake::HELLO;
use crate::ids::ConnId;
use crate::notice::Refusal;
use crate::output::Output;
use crate::time::Now;

impl Herd {
    /// Reads what was held back, and keeps what is still too early.
    pub(super) fn read_held(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let held = core::mem::take(&mut conn.held);
        let start = core::mem::take(&mut conn.done);
        let done = start + self.read(now, id, &held[start..], out);
        let Some(conn) = self.conns.get_mut(id) else { return };
        if done < held.len() {
            conn.held = held;
            conn.done = done;
        }
    }

    /// Reads the whole lines of `input` until reading pauses, and says how many bytes are done with.
    pub(super) fn read(&mut self, now: Now, id: ConnId, input: &[u8], out: &mut Output) -> usize {
        let mut done = 0;
        while done < input.len() {
            let Some(conn) = self.conns.get_mut(id) else { return input.len() };
            if conn.input == Input::Ignored {
                return input.len();
            }
            if conn.paused {
                break;
            }
            let rest = &input[done..];
            if conn.skipping {
                let end = memchr::memchr(b'\n', rest);
                conn.skipping = end.is_none();
                done += end.map_or(rest.len(), |end| end + 1);
                continue;
            }
            let limit = line_limit(&conn.role, rest, &self.config.limits);
            let line = &rest[..rest.len().min(limit + 1)];
            match memchr::memchr(b'\n', line) {
                Some(end) => done += self.read_lines(now, id, rest, end, limit, out),
                None if line.len() > limit => {
                    conn.skipping = true;
                    done += limit;
                    self.read_long_line(now, id, &line[..limit], out);
                }
                None => break,
            }
        }
        done
    }

    /// Reads one line or more, of which the first ends at `end`.
    pub(super) fn read_lines(
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
            Some(Role::Undecided(door)) => self.decide(now, id, *door, &input[..end], out),
            Some(Role::Opening(opening)) => {
                self.prove(now, id, *opening, &input[..end], out);
                end + 1
            }
            None => input.len(),
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

    pub(super) fn read_long_line(&mut self, now: Now, id: ConnId, begin: &[u8], out: &mut Output) {
        self.counters.long_lines += 1;
        match self.conns.get(id).map(|conn| &conn.role) {
            Some(Role::Link(_)) => self.drop_line(id, Malformed::UnknownCommand, out),
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
            None => {}
        }
    }
}

/// How long the line that `rest` begins with may be. What a server's own settings allow is for clients
/// alone, or the tables of servers that are set differently would differ.
fn line_limit(role: &Role, rest: &[u8], limits: &Limits) -> usize {
    let own = limits.line_bytes as usize;
    let may_be_hello = || HELLO.starts_with(&rest[..rest.len().min(HELLO.len())]);
    match role {
        Role::Client { .. } => own,
        Role::Undecided(Door::Shared { .. }) if may_be_hello() => own.max(LINK_LINE_BYTES),
        Role::Undecided(Door::Shared { .. }) => own,
        Role::Undecided(Door::Links | Door::SharedFull(_)) | Role::Opening(_) | Role::Link(_) => {
            LINK_LINE_BYTES
        }
    }
}
