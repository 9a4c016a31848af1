//! `herd send`: what `nc` does, for those who know a server by its name.

use crate::output::{printed, program, quoted, warn};
use crate::target::{Search, Target};
use crate::wire::Wire;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use herd_config::Failure;
use herd_config::args::HerdArgs;
use std::ffi::OsString;
use std::io;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Each COMMAND is a line: put quotes around it. Without any the lines come from standard input, and \
                        each is sent as soon as it is there. A NAME is looked for in every roster, the default \
                        first, and that of a herd that runs is taken, unless a herd is named.\n\n\
                        The exit code is 1 if a COMMAND is answered with a question mark, or not answered.\n\n\
                        Example: herd send Hill 'WHATSAT kiwi.cs.ucla.edu 10 5'"
)]
pub(crate) struct Args {
    /// The server, by its address or by its name in a roster
    #[arg(value_name = "HOST:PORT|NAME")]
    server: String,

    /// Command lines to send
    #[arg(value_name = "COMMAND")]
    commands: Vec<OsString>,

    /// Speak TLS, with a server whose certificate is by an authority in this file. For a herd with TLS in
    /// its file that is the file's own, if it names one
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,

    /// How long to wait for a server that says nothing, when all has been sent
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..))]
    patience: u32,

    #[command(flatten)]
    herd: HerdArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if let Some(whole) = taken_apart(&args.commands) {
        return Err(Failure::wrong(format!(
            "each argument is a line, and {} is no whole command: put quotes around it, `{} send {} {}`",
            whole.split(' ').next().unwrap_or_default(),
            program(),
            quoted(&args.server),
            quoted(&whole),
        )));
    }
    let search = Search { herd: &args.herd, authority: args.tls.as_deref(), may_be_foreign: false };
    let (target, wire) = Target::reach(&args.server, search)?;
    let wire = Arc::new(wire);
    let sender = Arc::clone(&wire);
    let has_sent = Arc::new(AtomicBool::new(false));
    let sent = Arc::clone(&has_sent);
    let commands = args.commands.clone();
    // The server reads no further than it is owed answers: sending must not wait for receiving. The
    // thread may wait for a terminal for ever; it ends with the process.
    thread::spawn(move || {
        let done = if commands.is_empty() {
            send_input(&sender)
        } else {
            send_commands(&sender, &commands)
        };
        // When the server has closed the connection, reading says so.
        drop(done.and_then(|()| sender.finish()));
        sent.store(true, Ordering::Relaxed);
    });
    let patience = Duration::from_secs(args.patience.into());
    let answers = receive(&wire, &target, patience, &has_sent)?;
    if answers.bytes == 0 && !args.commands.is_empty() {
        hint_at_tls(&target);
        let described = target.described();
        return Err(Failure::unable(format!(
            "{described} closed the connection without an answer"
        )));
    }
    let is_refused = answers.has_refusal && !args.commands.is_empty();
    Ok(if is_refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The command that the arguments are together, where a shell has taken it apart for want of quotes.
fn taken_apart(commands: &[OsString]) -> Option<String> {
    let [first, _, ..] = commands else { return None };
    let is_name = ["IAMAT", "WHATSAT"].iter().any(|name| first.eq_ignore_ascii_case(name));
    let words: Vec<_> = commands.iter().map(|word| word.to_string_lossy()).collect();
    is_name.then(|| words.join(" "))
}

fn send_commands(wire: &Wire, commands: &[OsString]) -> io::Result<()> {
    let mut lines = Vec::new();
    for command in commands {
        lines.extend_from_slice(command.as_encoded_bytes());
        lines.push(b'\n');
    }
    wire.send(&lines)
}

fn send_input(wire: &Wire) -> io::Result<()> {
    let (mut stdin, mut buffer) = (io::stdin().lock(), vec![0; 64 << 10]);
    loop {
        match stdin.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => wire.send(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What came from the server.
#[derive(Debug, Default)]
struct Answers {
    bytes: u64,
    /// Whether a line began with a question mark and a space.
    has_refusal: bool,
    /// The last two bytes of what came, which a line may begin behind or with.
    last: [u8; 2],
}

impl Answers {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let at_start = self.bytes == 1 || self.last[0] == b'\n';
            self.has_refusal |= *byte == b' ' && self.last[1] == b'?' && at_start;
            self.last = [self.last[1], *byte];
            self.bytes += 1;
        }
    }
}

/// How often it is looked whether the server has been silent for too long.
const TICK: Duration = Duration::from_millis(250);
/// How a server that speaks TLS answers what is no TLS: with an alert.
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// Prints what the server answers, as it comes.
fn receive(
    wire: &Wire,
    target: &Target,
    patience: Duration,
    has_sent: &AtomicBool,
) -> Result<Answers, Failure> {
    let mut answers = Answers::default();
    let mut bytes = Vec::new();
    let mut heard = herd_clock::now().mono;
    loop {
        let outcome = wire.receive_within(TICK, &mut bytes);
        let is_silent = matches!(&outcome, Err(error)
            if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut));
        let now = herd_clock::now().mono;
        if is_silent {
            // Whoever types may take their time.
            if !has_sent.load(Ordering::Relaxed) {
                heard = now;
            } else if now.since(heard) >= patience {
                if answers.bytes == 0 {
                    hint_at_tls(target);
                }
                let (described, seconds) = (target.described(), patience.as_secs());
                return Err(Failure::unable(format!(
                    "{described} has said nothing for {seconds} s"
                )));
            }
            continue;
        }
        heard = now;
        if answers.bytes == 0 && bytes.starts_with(&TLS_ALERT) && !target.is_secured() {
            return Err(Failure::unable(format!(
                "{} speaks TLS: name the authority of its certificate with --tls FILE",
                target.described()
            )));
        }
        answers.add(&bytes);
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(&bytes).and_then(|()| out.flush()) {
            // Nobody reads on, as in `herd send ... | head`, or there is no room for more.
            printed(Err(error));
            return Ok(answers);
        }
        bytes.clear();
        let more = outcome.map_err(|error| {
            Failure::unable(format!("the connection with {} is lost: {error}", target.described()))
        })?;
        if !more {
            return Ok(answers);
        }
    }
}

/// Says why a server may not answer.
fn hint_at_tls(target: &Target) {
    if !target.is_secured() {
        warn(format_args!(
            "herd: a server that speaks TLS does not answer without: --tls FILE names the authority of its certificate"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_without_quotes_is_recognised() {
        let words = |all: &[&str]| all.iter().map(OsString::from).collect::<Vec<_>>();

        let apart = words(&["IAMAT", "kiwi", "+1-1", "100"]);
        assert_eq!(taken_apart(&apart).as_deref(), Some("IAMAT kiwi +1-1 100"));
        for whole in [&["IAMAT kiwi +1-1 100", "x"][..], &["IAMAT"], &["hello", "IAMAT"], &[]] {
            assert_eq!(taken_apart(&words(whole)), None, "{whole:?}");
        }
    }

    #[test]
    fn a_refusal_is_a_line_that_begins_with_a_question_mark_and_a_space() {
        for (answer, is_refusal) in [
            ("? x\n", true),
            ("AT Hill\n? x\n", true),
            ("AT Hill ? x\n", false),
            ("?x\n", false),
            (" ? x\n", false),
            ("{\n \"a\" : \"? x\"\n}\n\n? \n", true),
        ] {
            for cut in 1..4 {
                let mut answers = Answers::default();
                answer.as_bytes().chunks(cut).for_each(|piece| answers.add(piece));
                assert_eq!(answers.has_refusal, is_refusal, "{answer:?}");
            }
        }
    }
}
