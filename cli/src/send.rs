//! `herd send`: what `nc` does, for those who know a server by its name.

use crate::target::Target;
use herd_runtime::Failure;
use herd_runtime::args::HerdArgs;
use std::ffi::OsString;
use std::io;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
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

    #[command(flatten)]
    herd: HerdArgs,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let target = Target::find(&args.server, &args.herd)?;
    let stream = target.connect()?;
    let sender = stream.try_clone().map_err(|error| lost(&target, &error))?;
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
        drop(sent.and_then(|()| sender.shutdown(Shutdown::Write)));
    });
    let received = receive(&stream, &target)?;
    if received == 0 && !args.commands.is_empty() {
        let described = target.described();
        return Err(Failure::unable(format!(
            "{described} closed the connection without an answer"
        )));
    }
    Ok(ExitCode::SUCCESS)
}

fn send_commands(mut stream: &TcpStream, commands: &[OsString]) -> io::Result<()> {
    let mut lines = Vec::new();
    for command in commands {
        lines.extend_from_slice(command.as_encoded_bytes());
        lines.push(b'\n');
    }
    stream.write_all(&lines)
}

fn send_input(mut stream: &TcpStream) -> io::Result<()> {
    io::copy(&mut io::stdin().lock(), &mut stream).map(drop)
}

/// Prints what the server answers, as it comes, and counts its bytes.
fn receive(mut stream: &TcpStream, target: &Target) -> Result<u64, Failure> {
    let mut received = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = match stream.read(&mut buffer) {
            Ok(0) => return Ok(received),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(lost(target, &error)),
        };
        received += count as u64;
        let mut out = io::stdout().lock();
        if out.write_all(&buffer[..count]).and_then(|()| out.flush()).is_err() {
            // Nobody reads on, as in `herd send ... | head`.
            return Ok(received);
        }
    }
}

fn lost(target: &Target, error: &io::Error) -> Failure {
    Failure::unable(format!("the connection with {} is lost: {error}", target.described()))
}
