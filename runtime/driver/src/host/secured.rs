//! What comes of a connection that is secured: its session's part in a turn.

use std::os::fd::AsFd;

use crate::notices;
use crate::port::Port;
use herd_tls::{End, Opened};

use super::warnings::rationed;
use super::{Host, Job, State};

impl<S: AsFd, P: Fn(Job<S>)> Host<S, P> {
    /// Bytes were read and opened. What TLS itself has to say to them goes out first.
    pub(super) fn hear_secured(&self, state: &mut State<S>, port: &Port<S>, opened: Opened) {
        let Opened { plain, secured, end } = opened;
        self.go(state, |state, now| {
            if let Some(entry) = state.connections.find(port.id) {
                self.offer(entry, &mut state.taken, &mut state.broken, &[], true);
            }
            if let Some((binding, peers)) = secured {
                state.herd.handle_secured(now, port.id, binding, &peers, &mut state.out);
            }
        });
        if !plain.is_empty() {
            self.hear(state, port, &plain);
        }
        match end {
            None => {}
            Some(End::Closed) => self.hear(state, port, &[]),
            Some(End::Torn) => self.go(state, |state, now| state.break_off(now, port.id)),
            Some(failed @ (End::Clear | End::Failed(_))) => self.give_up(state, port, &failed),
        }
    }

    /// A connection cannot be secured. Where that may be for a wrong configuration it is a warning.
    fn give_up(&self, state: &mut State<S>, port: &Port<S>, why: &End) {
        let is_certificate = matches!(why, End::Failed(rustls::Error::InvalidCertificate(_)));
        let is_ours = port.session().is_some_and(|session| session.is_dialled());
        let level = if is_certificate || is_ours { log::Level::Warn } else { log::Level::Info };
        self.go(state, |state, now| {
            if let Some(entry) = state.connections.find(port.id)
                && !entry.is_quiet
            {
                let level = rationed(&mut state.warned, now, level);
                let (number, peer) = (port.number, &entry.peer);
                let text = format_args!("#{number} {peer} TLS: {why}");
                if level != log::Level::Info {
                    self.log.event(now.wall, level, text);
                } else if state.rations.admit(now.mono, entry.from, notices::NOT_SECURED) {
                    self.log.minor_event(now.wall, text);
                }
            }
            state.herd.handle_insecure(now, port.id, &mut state.out);
        });
    }
}
