//! `herd send`: what `nc` does, for those who know a server by its name.

use crate::output::{program, quoted};
use crate::wire::Wire;
use core::time::Duration;
use herd_runtime::address::Address;
use herd_runtime::args::HerdArgs;
use herd_runtime::{Failure, Roster, roster, tls};
use std::ffi::OsString;
use std::io;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
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

    /// Speak TLS, with a server whose certificate is by an authority in this file. For a herd with [tls] in
    /// its file that is the file's own, if it names one
    #[arg(long, value_name = "FILE")]
    tls: Option<PathBuf>,

    #[command(flatten)]
    herd: HerdArgs,
}

/// A server to send to.
#[derive(Debug, Eq, PartialEq)]
struct Target {
    address: Address,
    tls: Option<Trust>,
    /// Its name, and the arguments that choose its herd.
    known: Option<(String, Vec<String>)>,
}

/// By whom the certificate of a server must be: an authority in this file, if it is known.
type Trust = Option<PathBuf>;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let mut target = target(args)?;
    if args.tls.is_some() {
        target.tls = Some(args.tls.clone());
    }
    let wire = Arc::new(open(&target)?);
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

fn target(args: &Args) -> Result<Target, Failure> {
    let name = &args.server;
    if args.herd.config.is_some() || args.herd.roster.is_some() {
        let roster = Roster::chosen(&args.herd)?;
        return match (roster.find(name), Address::parse(name)) {
            (Ok(at), _) => Ok(Target::known(&roster, at, chosen_by(&args.herd))),
            (Err(_), Some(address)) => Ok(Target::unknown(&address)),
            (Err(failure), None) => Err(failure),
        };
    }
    if let Some(address) = Address::parse(name) {
        return Ok(Target::unknown(&address));
    }
    for roster in roster::names().into_iter().filter_map(Roster::builtin) {
        if let Ok(at) = roster.find(name) {
            let is_default = roster.name == roster::DEFAULT;
            let chosen = if is_default {
                Vec::new()
            } else {
                vec!["--roster".to_owned(), roster.name.clone()]
            };
            return Ok(Target::known(&roster, at, chosen));
        }
    }
    Err(Failure::wrong(format!(
        "no roster has a server {name}: give HOST:PORT, or the herd's file with --config; `{} --help` lists the rosters",
        program() + " send"
    )))
}

/// The arguments that choose a herd, to be typed again.
pub(crate) fn chosen_by(args: &HerdArgs) -> Vec<String> {
    match (&args.config, args.roster.as_deref()) {
        (Some(path), _) => vec!["--config".to_owned(), quoted(path.display())],
        (None, Some(name)) if name != roster::DEFAULT => {
            vec!["--roster".to_owned(), name.to_owned()]
        }
        (None, _) => Vec::new(),
    }
}

impl Target {
    fn known(roster: &Roster, at: usize, chosen: Vec<String>) -> Self {
        let server = &roster.servers[at];
        let tls = roster.tls.as_ref().filter(|tls| tls.clients);
        Self {
            address: server.address.clone(),
            tls: tls.map(|tls| tls.authority.as_ref().map(|(path, _)| path.clone())),
            known: Some((server.name.clone(), chosen)),
        }
    }

    fn unknown(address: &Address) -> Self {
        Self { address: address.clone(), tls: None, known: None }
    }

    fn described(&self) -> String {
        match &self.known {
            Some((name, _)) => format!("{name} ({})", self.address),
            None => self.address.to_string(),
        }
    }

    /// What to do when nobody listens there.
    fn hint(&self) -> String {
        match &self.known {
            Some((_, chosen)) => {
                let up: Vec<_> = [program(), "up".to_owned()]
                    .into_iter()
                    .chain(chosen.iter().cloned())
                    .collect();
                format!("start the herd with `{}`", up.join(" "))
            }
            None => format!("`{} up` starts a herd on this machine", program()),
        }
    }
}

/// Connects, and secures the connection where that is wanted.
fn open(target: &Target) -> Result<Wire, Failure> {
    let described = target.described();
    let session = match &target.tls {
        None => None,
        Some(None) => {
            return Err(Failure::wrong(format!(
                "{described} speaks TLS, and its herd names no authority: give one with --tls"
            )));
        }
        Some(Some(authority)) => Some(tls::trusting(authority, &target.address)?),
    };
    Wire::open(connect(target)?, session, CONNECT_TIMEOUT)
        .map_err(|error| Failure::unable(format!("no TLS with {described}: {error}")))
}

fn connect(target: &Target) -> Result<TcpStream, Failure> {
    let described = target.described();
    let places = target
        .address
        .to_string()
        .to_socket_addrs()
        .map_err(|error| Failure::unable(format!("can not find {described}: {error}")))?;
    let mut last = None;
    for place in places {
        match TcpStream::connect_timeout(&place, CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(Failure::unable(match last {
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            format!("{described} is not running: {}", target.hint())
        }
        Some(error) => format!("can not connect to {described}: {error}"),
        None => format!("{described} has no address"),
    }))
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(server: &str, roster: Option<&str>) -> Result<Target, Failure> {
        let herd = HerdArgs { config: None, roster: roster.map(str::to_owned) };
        target(&Args { server: server.to_owned(), commands: Vec::new(), tls: None, herd })
    }

    #[test]
    fn a_name_is_looked_for_in_the_default_roster_first() {
        assert_eq!(found("Hill", None).unwrap().address.to_string(), "127.0.0.1:12001");
        assert_eq!(
            found("Hill", Some("posts-2013")).unwrap().address.to_string(),
            "127.0.0.1:12023"
        );
        assert_eq!(found("Alford", None).unwrap().address.to_string(), "127.0.0.1:12011");
    }

    #[test]
    fn an_address_is_taken_as_it_is() {
        for roster in [None, Some("posts-2013")] {
            assert_eq!(
                found("[::1]:5", roster).unwrap(),
                Target { address: Address::parse("[::1]:5").unwrap(), tls: None, known: None }
            );
        }
    }

    #[test]
    fn a_name_that_nobody_has_is_an_error() {
        let failure = found("Nobody", None).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.starts_with("no roster has a server Nobody: "), "{failure}");

        let failure = found("Alford", Some("places-2020")).unwrap_err();
        assert!(failure.message.contains("Alford is in --roster places-2016"), "{failure}");
    }

    #[test]
    fn the_hint_starts_the_herd_the_server_is_in() {
        assert!(found("Alford", None).unwrap().hint().ends_with(" up --roster places-2016`"));
        assert!(found("Hill", None).unwrap().hint().ends_with(" up`"));
    }
}
