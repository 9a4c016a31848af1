//! Questions of programs that do not speak in lines.
//!
//! A question takes its turn at the provider as a client's `WHATSAT` does. While it waits it has a number among the
//! connections, though it is none: nothing is read from it, and its answer is an action of its own.

use alloc::vec::Vec;
use core::net::IpAddr;

use super::Herd;
use crate::command::{Malformed, Query};
use crate::conns::{Conn, Role};
use crate::flow::ReadState;
use crate::ids::ConnId;
use crate::output::Output;
use crate::provider::{self, LookupError};
use crate::replies::Question;
use crate::time::Now;
use crate::turns::Sharer;

impl Herd {
    /// A question about a client that this server's provider can answer, of its fields: `radius_km` is written as in a
    /// `WHATSAT` line, in digits with a point among them if need be.
    ///
    /// # Errors
    ///
    /// A radius that is no number, or a radius or a bound beyond what the provider takes.
    pub fn query<'q>(
        &self,
        client: &'q [u8],
        radius_km: &'q [u8],
        bound: u32,
    ) -> Result<Query<'q>, Malformed> {
        Query::new(client, radius_km, bound, self.config.dialect)
    }

    /// Somebody asks what is near a client, on a way that is not a connection of this server's.
    ///
    /// The answer comes as [`Action::Answer`](crate::Action::Answer) with the number that is returned here, possibly
    /// among the actions of this very call. Nothing is returned, and nothing asked, where the client is not known or
    /// the server is stopping. Lookups are shared by address: `from` is whoever asks in the end.
    /// [`Herd::handle_close`] takes a question back.
    pub fn handle_query(
        &mut self,
        now: Now,
        from: IpAddr,
        query: &Query<'_>,
        out: &mut Output,
    ) -> Option<ConnId> {
        if self.stopping {
            return None;
        }
        let record = self.locate(now, query.client)?;
        let mut request = Vec::new();
        provider::write_request(self.config.dialect, record.location(), query, &mut request);
        let question = Question { at_line: [record.line, b"\n"].concat(), bound: query.bound };
        let mut conn = Conn::new(Role::Question, now.mono);
        conn.flow.read = ReadState::Ignored;
        let id = self.admit(conn);
        let sharer = self.sources.source(from).map_or(Sharer::Connection(id), Sharer::Address);
        self.ask(now, id, sharer, question, request, out);
        self.settle(now, out);
        Some(id)
    }

    /// Hands out the answer of a question, if it is one that has an answer now.
    pub(super) fn answer_question(
        &mut self,
        id: ConnId,
        error: Option<LookupError>,
        out: &mut Output,
    ) -> bool {
        if self.conns.get(id).is_none_or(|conn| !matches!(conn.role, Role::Question)) {
            return false;
        }
        let replies = self.conns.remove(id).and_then(|conn| conn.replies);
        if let Some((answer, _)) = replies.and_then(|mut replies| replies.pop()) {
            self.answers -= answer.len();
            out.answer(id, &answer, error);
        }
        true
    }

    /// Answers a question, if it is one, whose time is up because the server's is.
    pub(super) fn abandon_question(&mut self, now: Now, id: ConnId, out: &mut Output) {
        if self.conns.get(id).is_none_or(|conn| !matches!(conn.role, Role::Question)) {
            return;
        }
        for (lookup_id, lookup) in self.lookups.take_of(id, out) {
            self.answer(now, lookup_id, lookup, Err(LookupError::TimedOut), out);
        }
    }
}
