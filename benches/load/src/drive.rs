//! The loop: one thread, all connections.

use crate::clock::Clock;
use crate::connection::Connection;
use crate::lines::{Lines, Stamps};
use crate::outcome::{Outcome, Tally};
use crate::phase::Phase;
use crate::plan::{Distribution, Error, Plan, Server};
use crate::population::Draw;
use crate::progress::Progress;
use crate::reply::Checker;
use crate::wait::wait;
use core::ops::Range;
use core::time::Duration;
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::net::TcpStream;

/// Carries a plan out, and tells `watch` about it some times a second.
///
/// A connection that ends or does not answer is counted and not opened again; the run goes on with the
/// others, and ends when none is left.
///
/// # Errors
///
/// There is no connection to measure anything on, or the system does not play along. What goes wrong with
/// single replies and connections is in the outcome.
pub fn run(plan: &Plan, watch: &mut dyn FnMut(&Progress)) -> Result<Outcome, Error> {
    let mut driver = Driver::connect(plan)?;
    if plan.prime {
        driver.prime(watch)?;
    }
    driver.measure(watch)
}

/// How often there is a look at what no event tells.
const TICK: Duration = Duration::from_millis(50);
/// How much is read at once.
const BUFFER: usize = 256 << 10;
/// Lines of a connection at least, where WHATSATs stand between reports.
const LEAST_MIXED: usize = 128;
/// Lines of all connections at least, where clients are drawn.
const LEAST_DRAWN: usize = 1 << 18;
/// So that runs are alike.
const SEED: u64 = 1;

#[derive(Debug)]
struct Driver<'a> {
    plan: &'a Plan,
    poll: Poll,
    /// Without those that were lost.
    connections: Vec<Option<Connection>>,
    left: usize,
    /// One for each server.
    checkers: Vec<Checker>,
    stamps: Stamps,
    buffer: Box<[u8]>,
    tally: Tally,
    /// Lines sent and not answered, on all connections.
    in_flight: u64,
}

impl<'a> Driver<'a> {
    fn connect(plan: &'a Plan) -> Result<Self, Error> {
        // Where this fails, connecting does, and says so.
        #[cfg(unix)]
        let _ = rlimit::increase_nofile_limit(plan.connections as u64 + 64);
        let poll = Poll::new()?;
        let mut connections = Vec::new();
        for number in 0..plan.connections.max(1) {
            let at = number % plan.servers.len();
            let server = &plan.servers[at];
            let stream = TcpStream::connect_timeout(&server.address, plan.patience)
                .and_then(|stream| stream.set_nonblocking(true).map(|()| stream))
                .map_err(|source| Error::Connect { server: server.clone(), source })?;
            stream.set_nodelay(true)?;
            let mut stream = mio::net::TcpStream::from_std(stream);
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut stream, Token(number), interest)?;
            connections.push(Some(Connection::new(stream, at)));
        }
        let stamps = Stamps::new();
        let since = if plan.prime { stamps.last() } else { 0 };
        let checker = |server: &Server| {
            Checker::new(plan.protocol, plan.question, server.name.as_deref(), since)
        };
        Ok(Self {
            plan,
            poll,
            left: connections.len(),
            connections,
            checkers: plan.servers.iter().map(checker).collect(),
            stamps,
            buffer: vec![0; BUFFER].into(),
            tally: Tally::new(),
            in_flight: 0,
        })
    }

    /// Reports every client at every server.
    fn prime(&mut self, watch: &mut dyn FnMut(&Progress)) -> Result<(), Error> {
        let (servers, clients) = (self.plan.servers.len(), self.plan.clients);
        let all = self.connections.len();
        for (number, connection) in self.connections.iter_mut().enumerate() {
            let Some(connection) = connection else { continue };
            let sharing = (all - connection.server).div_ceil(servers);
            let own = share(clients, number / servers, sharing);
            connection.set_lines(Lines::reports(own, self.plan.protocol, self.stamps.last()));
        }
        let lines = self.connections.iter().flatten().map(Connection::round).sum();
        self.drive(&mut Phase::priming(all, lines), watch)?;
        if self.left == 0 {
            let why = self.tally.errors.lost.keys().next().cloned().unwrap_or_default();
            return Err(Error::NotPrimed(why));
        }
        Ok(())
    }

    fn measure(mut self, watch: &mut dyn FnMut(&Progress)) -> Result<Outcome, Error> {
        self.set_lines();
        let mut phase = Phase::measured(self.connections.len(), self.plan);
        self.drive(&mut phase, watch)?;
        self.tally.unsent = phase.unsent();
        let (length, cpu) = phase.used();
        Ok(self.tally.outcome(length, cpu))
    }

    /// Builds what each connection sends.
    fn set_lines(&mut self) {
        let plan = self.plan;
        let draw = Draw::new(plan.clients, plan.distribution);
        let mut random = fastrand::Rng::with_seed(SEED);
        let mut clients: Vec<u32> = (0..plan.clients).collect();
        random.shuffle(&mut clients);
        let all = u32::try_from(self.connections.len()).expect("as many as there can be ports");
        let mut least = plan.depth as usize * 2;
        if plan.whatsat > 0.0 {
            least = least.max(LEAST_MIXED);
        }
        if plan.distribution != Distribution::Uniform {
            least = least.max(LEAST_DRAWN.max(clients.len()) / all as usize);
        }
        let stamp = self.stamps.last();
        for (number, connection) in (0..all).zip(&mut self.connections) {
            let Some(connection) = connection else { continue };
            let own = match plan.distribution {
                Distribution::Zipf(_) => &[],
                Distribution::Uniform if plan.clients < all => {
                    core::slice::from_ref(&clients[(number % plan.clients) as usize])
                }
                Distribution::Uniform => {
                    let own = share(plan.clients, number as usize, all as usize);
                    &clients[own.start as usize..own.end as usize]
                }
            };
            connection.set_lines(Lines::mixed(own, &draw, least, plan, stamp, &mut random));
        }
    }

    /// Sends and receives until the phase is over and nothing is in flight any more.
    fn drive(
        &mut self,
        phase: &mut Phase<'_>,
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<(), Error> {
        let clock = Clock::start();
        let mut events = Events::with_capacity(1024);
        let mut looked = Duration::ZERO;
        for connection in self.connections.iter_mut().flatten() {
            connection.waits_since = Duration::ZERO;
        }
        loop {
            let now = clock.now();
            phase.go_on(now, self.in_flight, self.left > 0)?;
            for number in phase.release(now) {
                self.send(number, phase, now);
            }
            if phase.is_over() && self.in_flight == 0 {
                return Ok(());
            }
            if now - looked >= TICK {
                looked = now;
                self.give_up_silent_ones(now);
                let (wrong, left) = (self.tally.errors.wrong, self.left);
                watch(&phase.progress(now, wrong, left));
            }
            let due = phase.next_due();
            let left = due.map_or_else(|| phase.time_left(now), |due| due.saturating_sub(now));
            wait(&mut self.poll, &mut events, left.min(TICK), due.is_some())?;
            for event in &events {
                self.receive(event.token().0, event.is_read_closed(), phase, &clock);
            }
        }
    }

    /// Reads what there is on a connection, to its end if the server `has_ended` it, then sends what may be sent.
    fn receive(&mut self, number: usize, has_ended: bool, phase: &mut Phase<'_>, clock: &Clock) {
        loop {
            let Some(connection) = &mut self.connections[number] else { return };
            let count = match connection.read(&mut self.buffer) {
                Ok(None) => break,
                Ok(Some(0)) => return self.lose(number, "closed by the server".to_owned()),
                Ok(Some(count)) => count,
                Err(error) => return self.lose(number, text(&error)),
            };
            let before = connection.in_flight;
            let now = clock.now();
            let received = connection.receive(
                &self.buffer[..count],
                now,
                &mut self.checkers[connection.server],
                &phase.measure(number, now),
                &mut self.tally,
            );
            let answered = u64::from(before - connection.in_flight);
            phase.answered += answered;
            self.in_flight -= answered;
            if let Err(unfit) = received {
                return self.lose(number, unfit.words().to_owned());
            }
            // Events come when something new does: after a short read there is nothing left but an end.
            if cfg!(unix) && count < self.buffer.len() && !has_ended {
                break;
            }
        }
        self.send(number, phase, clock.now());
    }

    /// Sends what may be sent on a connection.
    fn send(&mut self, number: usize, phase: &mut Phase<'_>, now: Duration) {
        let Some(connection) = &mut self.connections[number] else { return };
        let most = phase.allowed(number, connection);
        let stamps = phase.fresh.then_some(&mut self.stamps);
        let before = connection.in_flight;
        let done = connection.send(most, now, stamps);
        let sent = u64::from(connection.in_flight - before);
        self.in_flight += sent;
        phase.spend(number, sent);
        if let Err(error) = done {
            self.lose(number, text(&error));
        }
    }

    /// Counts a connection as lost and closes it.
    fn lose(&mut self, number: usize, why: String) {
        if let Some(connection) = self.connections[number].take() {
            self.in_flight -= u64::from(connection.in_flight);
            self.left -= 1;
            self.tally.lost(why, u64::from(connection.in_flight));
        }
    }

    fn give_up_silent_ones(&mut self, now: Duration) {
        let patience = self.plan.patience;
        for number in 0..self.connections.len() {
            let is_silent = self.connections[number].as_ref().is_some_and(|connection| {
                connection.in_flight > 0 && now.saturating_sub(connection.waits_since) > patience
            });
            if is_silent {
                self.lose(number, format!("no answer for {} s", patience.as_secs_f64()));
            }
        }
    }
}

/// Which of `clients` are the `number`th of `all` equal shares.
fn share(clients: u32, number: usize, all: usize) -> Range<u32> {
    let end = |shares: usize| {
        let clients = u64::from(clients) * shares as u64 / all as u64;
        u32::try_from(clients).expect("a share is no more than the whole")
    };
    end(number)..end(number + 1)
}

/// Why the system gave a connection up.
fn text(error: &io::Error) -> String {
    if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) {
        return "reset by the server".to_owned();
    }
    error.to_string()
}
