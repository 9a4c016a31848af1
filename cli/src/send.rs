//! `herd send`: what `nc` does, for those who know a server by its name.

use crate::target::Target;
use crate::wire::Wire;
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
    after_help = "Without COMMAND the lines come from standard input, and each is sent as soon \
                        as it is there. A NAME is looked for in every roster, the default first, \
                        unless a herd is named.\n\n\
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

    #[command(flatten)]
    herd: HerdArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let target = Target::find(&args.server, &args.herd)?.by_authority(args.tls.as_deref());
    let wire = Arc::new(target.open()?);
    let sender = Arc::clone(&wire);
    let commands = args.commands.clone();
    // The server reads no further than it is owed answers: sending must not wait for receiving. The
    // thread may wait for a terminal for ever; it ends with the process.
    thread::spawn(move || {
        let sent = if commands.is_empty() {
            send_input(&sender)
        } else {
            send_commands(&sender, &commands)
        };
        // When the server has closed the connection, reading says so.
        drop(sent.and_then(|()| sender.finish()));
    });
    let received = receive(&wire, &target)?;
    if received == 0 && !args.commands.is_empty() {
        let described = target.described();
        return Err(Failure::unable(format!(
            "{described} closed the connection without an answer"
        )));
    }
    Ok(ExitCode::SUCCESS)
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

/// Prints what the server answers, as it comes, and counts its bytes.
fn receive(wire: &Wire, target: &Target) -> Result<u64, Failure> {
    let mut received = 0;
    let mut bytes = Vec::new();
    loop {
        let outcome = wire.receive(&mut bytes);
        received += bytes.len() as u64;
        let mut out = io::stdout().lock();
        if out.write_all(&bytes).and_then(|()| out.flush()).is_err() {
            // Nobody reads on, as in `herd send ... | head`.
            return Ok(received);
        }
        bytes.clear();
        if !outcome.map_err(|error| lost(target, &error))? {
            return Ok(received);
        }
    }
}

fn lost(target: &Target, error: &io::Error) -> Failure {
    Failure::unable(format!("the connection with {} is lost: {error}", target.described()))
}
