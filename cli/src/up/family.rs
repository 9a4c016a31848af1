//! The processes that `herd up` has started, and what comes from them.

use crate::child::{self, Program};
use crate::output::warn;
use crate::platform;
use core::time::Duration;
use herd_clock as clock;
use herd_config::Failure;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// All children, in the order they were started.
#[derive(Debug)]
pub(super) struct Family {
    members: Vec<Member>,
    events: Receiver<Event>,
    /// Never the last sender, so that receiving waits rather than fails.
    sender: Sender<Event>,
}

#[derive(Debug)]
struct Member {
    name: String,
    child: Child,
    is_server: bool,
    is_ready: bool,
    /// Standard output and standard error, as far as they are open. A child has ended when both are
    /// closed: what it said last has been heard by then.
    open: u8,
}

/// Something happened. A number is a child's position.
#[derive(Debug)]
pub(super) enum Event {
    /// The user wants everything to stop.
    Signal,
    /// A line on a child's standard output.
    Said(usize, String),
    /// A line on a child's standard error.
    Warned(usize, String),
    /// One of a child's outputs is closed.
    Closed(usize),
}

/// What a child says on standard output when it accepts connections.
const READY: &str = " listens on ";
/// Servers answer what they owe for 5 s at most.
const PATIENCE: Duration = Duration::from_secs(6);
/// Signals within this time of the first are one: `timeout`, for one, sends two.
const AT_ONCE: Duration = Duration::from_millis(300);

impl Family {
    pub(super) fn new() -> Result<Self, Failure> {
        let (sender, events) = channel();
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| Failure::unable(format!("cannot listen for signals: {error}")))?;
        let told = sender.clone();
        thread::spawn(move || signals.forever().try_for_each(|_| told.send(Event::Signal)));
        Ok(Self { members: Vec::new(), events, sender })
    }

    pub(super) fn start(
        &mut self,
        name: &str,
        program: &Program,
        args: Vec<OsString>,
        is_server: bool,
    ) -> Result<(), Failure> {
        let spawned = child::command(program).and_then(|mut command| {
            command
                .args(args)
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        });
        let mut child =
            spawned.map_err(|error| Failure::unable(format!("cannot start {name}: {error}")))?;
        let at = self.members.len();
        let stdout = child.stdout.take().expect("standard output is piped");
        let stderr = child.stderr.take().expect("standard error is piped");
        self.listen(stdout, at, Event::Said);
        self.listen(stderr, at, Event::Warned);
        self.members.push(Member {
            name: name.to_owned(),
            child,
            is_server,
            is_ready: false,
            open: 2,
        });
        Ok(())
    }

    /// Turns the lines of an output into events.
    fn listen(
        &self,
        output: impl Read + Send + 'static,
        at: usize,
        event: fn(usize, String) -> Event,
    ) {
        let sender = self.sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                // When nobody listens any more the program is about to end.
                drop(sender.send(event(at, line)));
            }
            drop(sender.send(Event::Closed(at)));
        });
    }

    pub(super) fn next(&self) -> Event {
        self.events.recv().expect("the family holds a sender")
    }

    pub(super) fn name(&self, at: usize) -> &str {
        &self.members[at].name
    }

    /// A child's line with its name before it, once.
    pub(super) fn prefixed(&self, at: usize, line: &str) -> String {
        let name = self.name(at);
        match line.strip_prefix(name) {
            Some(rest) if rest.starts_with(": ") => line.to_owned(),
            _ => format!("{name}: {line}"),
        }
    }

    /// A child has said something before all were ready.
    pub(super) fn heard(&mut self, at: usize, line: &str) {
        self.members[at].is_ready |= line.contains(READY);
    }

    /// A child that has ended is not waited for.
    pub(super) fn do_without(&mut self, at: usize) {
        self.members[at].is_ready = true;
    }

    pub(super) fn was_ready(&self, at: usize) -> bool {
        self.members[at].is_ready
    }

    pub(super) fn is_ready(&self) -> bool {
        self.members.iter().all(|member| member.is_ready)
    }

    pub(super) fn has_servers(&self) -> bool {
        self.members.iter().any(|member| member.is_server && member.open > 0)
    }

    /// One output of a child is closed. When that was the last: how the child has ended.
    pub(super) fn closed(&mut self, at: usize) -> Option<ExitStatus> {
        let member = &mut self.members[at];
        member.open = member.open.saturating_sub(1);
        if member.open > 0 {
            return None;
        }
        member.child.wait().ok()
    }

    /// Takes everything down: the servers first, since they may wait for their upstream's answers.
    ///
    /// Children get some time to end by themselves, unless there is another signal.
    pub(super) fn end(&mut self) {
        let began = clock::now().mono;
        let until = began.after(PATIENCE);
        for is_server in [true, false] {
            let theirs = |member: &&Member| member.open > 0 && member.is_server == is_server;
            for member in self.members.iter().filter(theirs) {
                // It may just have ended.
                drop(platform::ask_to_end(&member.child));
            }
            while self.members.iter().any(|member| member.open > 0 && member.is_server == is_server)
            {
                let left = until.since(clock::now().mono);
                match self.events.recv_timeout(left) {
                    Ok(Event::Closed(at)) => drop(self.closed(at)),
                    Ok(Event::Warned(at, line)) => {
                        warn(format_args!("{}", self.prefixed(at, &line)));
                    }
                    Ok(Event::Said(..)) => {}
                    Ok(Event::Signal) if clock::now().mono.since(began) < AT_ONCE => {}
                    Ok(Event::Signal) => return self.kill("is not waited for"),
                    Err(_) => return self.kill("does not end"),
                }
            }
        }
    }

    fn kill(&mut self, why: &str) {
        for member in self.members.iter_mut().filter(|member| member.open > 0) {
            warn(format_args!("herd: {} {why}, and is killed", member.name));
            drop(member.child.kill().and_then(|()| member.child.wait()));
        }
    }
}
