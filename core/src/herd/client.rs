//! Connections of clients: commands in, answers out.

use alloc::vec::Vec;

use super::{Entry, FROM_PLAIN, Herd, Outcome, recycle};
use crate::command::{Command, Malformed, Query, Report, Update};
use crate::conns::{Conn, LINGER};
use crate::directory::{HEARD_HERE, Newcomer, Place, Record};
use crate::flow::{Lines, ReadState};
use crate::http;
use crate::ids::{ConnId, LookupId};
use crate::lookups::{Asked, Lookup};
use crate::notice::{Goodbye, Notice};
use crate::output::{Action, Form, Output};
use crate::provider::{self, LookupError, Response};
use crate::replies::{Question, Ticket};
use crate::time::{Instant, Now, Skew, Timestamp};
use crate::timers::Wake;
use crate::turns::Sharer;

/// What a client says about itself.
#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    /// Its ID, location and time with a space before each.
    text: &'a [u8],
    client_len: usize,
}

impl Herd {
    /// Carries out the commands that `input` begins with, as many as one batch holds, until reading
    /// pauses; says how many bytes that were.
    pub(super) fn read_commands(
        &mut self,
        now: Now,
        id: ConnId,
        input: &[u8],
        limit: usize,
        out: &mut Output,
    ) -> usize {
        let batch = self.find_lines(input, limit, Command::client_of);
        if let Some(conn) = self.conns.get_mut(id)
            && core::mem::take(&mut conn.is_new)
            && let Some(first) = batch.first().map(|entry| &input[..entry.end - 1])
            && http::is_request(first)
        {
            self.batch = recycle(batch);
            self.refuse_http(now, id, without_cr(first), out);
            return input.len();
        }
        let mut done = 0;
        for entry in &batch {
            self.obey(now, id, &input[done..entry.end - 1], entry, out);
            done = entry.end;
            if self.conns.get(id).is_none_or(|conn| conn.flow.lines != Lines::Flowing) {
                break;
            }
        }
        self.batch = recycle(batch);
        done
    }

    /// Carries out one line, given without its line end.
    fn obey(&mut self, now: Now, id: ConnId, line: &[u8], entry: &Entry<'_>, out: &mut Output) {
        let subject = self.subject(entry);
        if let Some(text) = line.strip_prefix(b"IAMAT").map(without_cr)
            && (1..=self.grammar.client_id_bytes).contains(&entry.client.len())
        {
            let said = Said { text, client_len: entry.client.len() };
            let record = self.directory.at(subject.place).filter(|record| record.was_made_by(text));
            if let Some(Record { stamp, .. }) = record {
                // Who repeats himself word for word needs no second look.
                return self.hear(now, id, stamp, said, None, out);
            }
            if let Some(stamp) = Report::stamp_of_spaced(entry.client, text) {
                return self.hear(now, id, stamp, said, Some(subject.place), out);
            }
        }
        match Command::parse(line, &self.grammar) {
            Ok(Command::Iamat(report)) => {
                let place = self.place_of(report.client, subject);
                self.hear_unusual(now, id, place, &report, out);
            }
            Ok(Command::Whatsat(query)) => {
                let place = self.place_of(query.client, subject);
                self.look_up(now, id, place, line, &query, out);
            }
            Err(why) => {
                self.counters.long_clients += u64::from(why == Malformed::LongClient);
                self.refuse_line(now, id, line, out);
            }
        }
    }

    /// A last line that no line end follows.
    pub(super) fn obey_last(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        let client = Command::client_of(line).unwrap_or_default();
        let entry = Entry { end: line.len(), client, hash: self.directory.hash(client) };
        self.obey(now, id, line, &entry, out);
    }

    /// Answers a report that is not written as reports usually are.
    fn hear_unusual(
        &mut self,
        now: Now,
        id: ConnId,
        place: Place,
        report: &Report<'_>,
        out: &mut Output,
    ) {
        let mut text = core::mem::take(&mut self.scratch);
        text.clear();
        for field in [report.client, report.location, report.time] {
            text.push(b' ');
            text.extend_from_slice(field);
        }
        let said = Said { text: &text, client_len: report.client.len() };
        self.hear(now, id, report.stamp, said, Some(place), out);
        self.scratch = text;
    }

    /// Answers a report, and keeps it if it is news. `place` is where its client's record is, unless it is that
    /// record already.
    fn hear(
        &mut self,
        now: Now,
        id: ConnId,
        stamp: Timestamp,
        said: Said<'_>,
        place: Option<Place>,
        out: &mut Output,
    ) {
        let refused = self.refuses(now, stamp);
        let Some(conn) = self.conns.get_mut(id) else { return };
        let (prefix, directory) = (&self.at_prefix, &mut self.directory);
        let answer = |bytes: &mut Vec<u8>| {
            let start = bytes.len();
            bytes.extend_from_slice(prefix);
            Skew::between(now.wall, stamp).write(bytes);
            let client_at = bytes.len() + 1 - start;
            bytes.extend_from_slice(said.text);
            bytes.push(b'\n');
            let place = place.filter(|_| refused.is_none())?;
            let newcomer = Newcomer {
                line: &bytes[start..bytes.len() - 1],
                client_at,
                client_len: said.client_len,
                stamp,
                origin: HEARD_HERE,
            };
            Some(directory.learn(place, &newcomer))
        };
        let (news, sent) = reply(conn, id, now.mono, out, answer);
        self.answers += sent;
        match self.count_report(news, refused) {
            Outcome::TableFull => out.log(Notice::NoRoom { conn: id }),
            Outcome::Ahead => out.log(Notice::Ahead { conn: id }),
            Outcome::TooOld => out.log(Notice::TooOld { conn: id }),
            Outcome::Kept | Outcome::Stale => {}
        }
        self.pause_if_full(id, out);
    }

    /// Asks the provider about a client that is known.
    fn look_up(
        &mut self,
        now: Now,
        id: ConnId,
        place: Place,
        line: &[u8],
        query: &Query<'_>,
        out: &mut Output,
    ) {
        let record = self.directory.at(place);
        let Some(record) = record.filter(|record| !self.is_too_old(now, record.stamp)) else {
            return self.answer_invalid(now, id, without_cr(line), out);
        };
        let mut request = Vec::new();
        provider::write_request(self.config.dialect, record.location(), query, &mut request);
        let question = Question { at_line: [record.line, b"\n"].concat(), bound: query.bound };
        let source = self.conns.get(id).and_then(|conn| conn.source);
        let sharer = source.map_or(Sharer::Connection(id), Sharer::Address);
        self.ask(now, id, sharer, question, request, out);
        self.pause_if_full(id, out);
    }

    /// Asks the provider, now or when it is the sharer's turn.
    pub(super) fn ask(
        &mut self,
        now: Now,
        id: ConnId,
        sharer: Sharer,
        question: Question,
        request: Vec<u8>,
        out: &mut Output,
    ) {
        self.counters.queries += 1;
        let Some(conn) = self.conns.get_mut(id) else { return };
        let ticket = conn.replies.get_or_insert_default().push_waiting(question);
        // Whoever waits is first: a place may have become free just now.
        self.begin_lookups(now, out);
        match self.lookups.ask(now.mono, sharer, id, ticket, request, out) {
            Asked::Begun => self.watch_lookups(),
            Asked::Waits => self.counters.lookups_waited += 1,
            Asked::InPlaceOf(other, lookup) => {
                self.counters.lookups_waited += 1;
                self.refused.push_back((other, lookup));
            }
            Asked::Refused(lookup, of) => self.refused.push_back((lookup, of)),
        }
    }

    /// Answers the lookups for which there is no room. Not before the input is dealt with: an answer may let its
    /// connection ask again.
    pub(super) fn answer_refused(&mut self, now: Now, out: &mut Output) {
        while let Some((id, lookup)) = self.refused.pop_front() {
            if self.conns.get(lookup.conn).is_some() {
                self.counters.lookups_refused += 1;
                let lookup = Lookup { begun: now.mono, ..lookup };
                self.answer(now, id, lookup, Err(LookupError::Busy), out);
            }
        }
    }

    /// Begins the lookups whose turn it is.
    pub(super) fn begin_lookups(&mut self, now: Now, out: &mut Output) {
        let (conns, limits) = (&self.conns, &self.config.limits);
        let may_begin =
            |id, ticket| conns.get(id).is_some_and(|conn| may_begin(conn, ticket, limits));
        if self.lookups.begin_next(now.mono, may_begin, out) {
            self.watch_lookups();
        }
    }

    /// A line that is no command: it is answered, unless a plain server sent it as an update.
    fn refuse_line(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        if self.conns.get(id).is_some_and(Conn::is_plain) {
            match Update::parse(line) {
                Ok(update) => {
                    let place = self.directory.find(update.report.client);
                    return self.take_update(place, line, &update, FROM_PLAIN);
                }
                // Clients may come from this address too.
                Err(Malformed::UnknownCommand) => {}
                Err(why) => return self.refuse_update(now, id, without_cr(line), why, out),
            }
        }
        self.answer_invalid(now, id, without_cr(line), out);
    }

    /// Answers what a plain server has sent as an update and is none.
    fn refuse_update(
        &mut self,
        now: Now,
        id: ConnId,
        line: &[u8],
        why: Malformed,
        out: &mut Output,
    ) {
        self.counters.updates_refused += 1;
        out.log(Notice::UpdateRefused { conn: id, why });
        self.answer_by_copy(now, id, line, out);
    }

    /// Answers the first line of a connection, a request of HTTP, and ends the connection: what follows may be lines
    /// that a web page has had a browser send.
    pub(super) fn refuse_http(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        self.counters.http_requests += 1;
        self.answer_invalid(now, id, line, out);
        if let Some(conn) = self.conns.get_mut(id) {
            if conn.flow.read == ReadState::Open {
                conn.flow.read = ReadState::Ignored;
                conn.flow.update_driver(id, out);
            }
            drop(conn.framer.take());
        }
    }

    /// Answers a line that is too long by its begin.
    pub(super) fn refuse_long_line(
        &mut self,
        now: Now,
        id: ConnId,
        begin: &[u8],
        out: &mut Output,
    ) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let is_first = core::mem::take(&mut conn.is_new);
        if conn.is_plain() && begin.starts_with(b"AT ") {
            self.refuse_update(now, id, begin, Malformed::LongLine, out);
        } else if is_first && http::may_be_request(begin) {
            self.refuse_http(now, id, begin, out);
        } else {
            self.answer_invalid(now, id, begin, out);
        }
    }

    /// Answers a line that is no command with a copy of itself.
    pub(super) fn answer_invalid(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        self.counters.invalid += 1;
        self.answer_by_copy(now, id, line, out);
    }

    fn answer_by_copy(&mut self, now: Now, id: ConnId, line: &[u8], out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let ((), sent) = reply(conn, id, now.mono, out, |bytes| {
            bytes.extend_from_slice(b"? ");
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        });
        self.answers += sent;
        self.pause_if_full(id, out);
    }

    /// Gives a lookup's answer its place among the replies of its connection.
    pub(super) fn answer(
        &mut self,
        now: Now,
        id: LookupId,
        lookup: Lookup,
        answer: Result<Response<'_>, LookupError>,
        out: &mut Output,
    ) {
        let dialect = self.config.dialect;
        let limit = self.config.limits.body_bytes as usize;
        let Some(conn) = self.conns.get_mut(lookup.conn) else { return };
        let Some(replies) = conn.replies.as_mut() else { return };
        let mut error = None;
        self.answers += replies.settle(lookup.ticket, |question| {
            let written = match answer {
                Ok(response) if response.body.len() > limit => Err(LookupError::TooLong),
                Ok(response) => {
                    provider::write_answer(dialect, response, question.bound, &mut question.at_line)
                }
                Err(error) => Err(error),
            };
            if let Err(why) = written {
                provider::write_error(dialect, &why, &mut question.at_line);
                error = Some(why);
            }
        });
        match error {
            None => self.counters.lookups += 1,
            Some(why) => {
                self.counters.lookups_failed += 1;
                self.counters.lookups_timed_out += u64::from(why == LookupError::TimedOut);
                self.counters.long_bodies += u64::from(why == LookupError::TooLong);
            }
        }
        let (waited, took) = (lookup.begun.since(lookup.asked), now.mono.since(lookup.begun));
        if error != Some(LookupError::Busy) {
            self.lookups_waited.add(waited);
            self.lookups_took.add(took);
        }
        out.log(Notice::LookupDone { id, conn: lookup.conn, error, waited, took });
        if self.answer_question(lookup.conn, error, out) {
            return;
        }
        self.deliver(now, lookup.conn, out);
        self.pause_if_full(lookup.conn, out);
        self.finish_if_done(now, lookup.conn, out);
    }

    /// Sends the replies whose turn it is, as far as the client takes them. If that makes room for more, what
    /// was held is due to be read.
    pub(super) fn deliver(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let limits = self.config.limits;
        let Some(conn) = self.conns.get_mut(id) else { return };
        while conn.flow.in_flight < limits.output_bytes as usize
            && let Some((bytes, form)) = conn.replies.as_mut().and_then(|replies| replies.pop())
        {
            let ((), sent) = out.send(id, form, |all| all.extend_from_slice(&bytes));
            conn.flow.sent(sent, now.mono);
        }
        if conn.owed() == 0 {
            conn.replies = None;
        } else if conn.flow.in_flight < limits.output_bytes as usize {
            self.lookups.release(id);
        }
        if conn.flow.lines == Lines::Held && !is_full(conn, &limits) {
            conn.flow.lines = Lines::Due;
            self.due.push_back(id);
        }
    }

    /// Ends a connection from which nothing more is read, once everything is answered and taken.
    pub(super) fn finish_if_done(&mut self, now: Now, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        let is_over = matches!(
            conn.flow.read,
            ReadState::PeerClosed | ReadState::Stopped | ReadState::Ignored
        );
        if !is_over || conn.flow.lines != Lines::Flowing {
            return;
        }
        let (rest, consumed) = conn.framer.take();
        let last = &rest[consumed..];
        if conn.flow.read == ReadState::PeerClosed && !last.is_empty() {
            self.obey_last(now, id, last, out);
        }
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.owed() > 0 || conn.flow.in_flight > 0 {
            return;
        }
        if conn.flow.read == ReadState::PeerClosed {
            return self.close(now, id, Goodbye::Ended, out);
        }
        conn.flow.read = ReadState::HalfClosed { at: now.mono };
        out.push(Action::Shutdown { conn: id });
        conn.flow.update_driver(id, out);
        self.set_alarm(id, now.mono.after(LINGER));
    }

    /// Answers lookups whose time is up.
    pub(super) fn check_lookups(&mut self, now: Now, out: &mut Output) {
        while let Some((id, lookup)) = self.lookups.overdue(now.mono, out) {
            self.answer(now, id, lookup, Err(LookupError::TimedOut), out);
        }
        self.watch_lookups();
    }

    fn watch_lookups(&mut self) {
        if let Some(deadline) = self.lookups.deadline() {
            self.timers.set_earlier(&mut self.lookup_alarm, deadline, Wake::Lookup);
        }
    }

    fn pause_if_full(&mut self, id: ConnId, out: &mut Output) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.flow.lines == Lines::Flowing && is_full(conn, &self.config.limits) {
            conn.flow.lines = Lines::Held;
            self.counters.pauses += 1;
            let limit = self.config.limits.pipeline as usize;
            self.counters.full_pipelines += u64::from(conn.owed() >= limit);
            conn.flow.update_driver(id, out);
        }
    }
}

/// Whether a client is owed so much that nothing more is read from it.
fn is_full(conn: &Conn, limits: &crate::Limits) -> bool {
    conn.owed() >= limits.pipeline as usize || conn.answers() >= limits.output_bytes as usize
}

/// Whether the next lookup of a client, that of `ticket`, may begin: not while it has as many bytes of answers to
/// take as may wait, unless they wait for this one.
fn may_begin(conn: &Conn, ticket: Ticket, limits: &crate::Limits) -> bool {
    let most = limits.output_bytes as usize;
    let is_first = || conn.replies.as_ref().is_some_and(|replies| replies.is_first(ticket));
    conn.flow.in_flight < most && (conn.answers() < most || is_first())
}

/// Writes an answer straight to the output, or behind those that still wait; says how many bytes it has.
fn reply<T>(
    conn: &mut Conn,
    id: ConnId,
    now: Instant,
    out: &mut Output,
    write: impl FnOnce(&mut Vec<u8>) -> T,
) -> (T, usize) {
    let Some(replies) = &mut conn.replies else {
        let (value, sent) = out.send(id, Form::Lines, write);
        conn.flow.sent(sent, now);
        return (value, sent);
    };
    let mut bytes = Vec::new();
    let value = write(&mut bytes);
    let length = bytes.len();
    replies.push_ready(bytes);
    (value, length)
}

/// A line without a CR at its end.
fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
