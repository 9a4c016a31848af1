//! How many replies a second one thread takes and checks: a run against a bare echo of lines.
//!
//! `cargo run --release -p herd-load --example ceiling -- [CONNECTIONS [DEPTH]]`
//!
//! The echo is one thread that blocks in `read` for each connection, so that few connections and many lines
//! in flight keep this side busy all the time.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use herd_load::{Plan, Protocol, Server};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::{env, error, thread};

fn main() -> Result<(), Box<dyn error::Error>> {
    let mut args = env::args().skip(1).map(|arg| arg.parse());
    let connections = args.next().transpose()?.unwrap_or(4);
    let depth = args.next().transpose()?.unwrap_or(1024);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || echo(stream));
        }
    });
    let plan = Plan {
        connections,
        depth: u32::try_from(depth)?,
        clients: 100_000,
        protocol: Protocol::Echo,
        ..Plan::new(vec![Server::from(address)])
    };
    let outcome = herd_load::run(&plan, &mut |_| {})?;
    println!(
        "{connections} connections, {depth} in flight: {:.2} M replies/s, {} wrong, p50 {:.0} us",
        outcome.per_second / 1e6,
        outcome.errors.wrong,
        outcome.iamat.map_or(0.0, |latency| latency.p50),
    );
    Ok(())
}

fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0; 256 << 10];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}
