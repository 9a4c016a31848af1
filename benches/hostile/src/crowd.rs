//! Those who hold connections and mean harm: the idle, who say nothing; the slow, who say a byte a second and never end
//! a line; and the deaf, who ask as fast as they can and never read an answer.
//!
//! Who is thrown out comes back.

use core::net::SocketAddr;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::io;
use std::sync::Arc;
use std::thread;

use clap::Args;
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::error::Error;

/// How long it may take until all are connected.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many connect at a time: servers differ in how many they let wait.
const AT_THE_DOOR: usize = 32;
/// How long one that was thrown out waits before it comes back.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the slow say a byte.
const BEAT: Duration = Duration::from_secs(1);

/// How many there are of each kind.
#[derive(Clone, Copy, Debug, Args, Serialize)]
pub(crate) struct Sizes {
    /// How many connections say nothing
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) idle: u32,
    /// How many send a byte a second and never end a line
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) slow: u32,
    /// How many ask as fast as they can and never read
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) deaf: u32,
}

impl Sizes {
    pub(crate) const fn all(self) -> u32 {
        self.idle + self.slow + self.deaf
    }
}

/// A crowd of connections to one server. They go when this is dropped.
pub(crate) struct Crowd {
    _runtime: Runtime,
    state: Arc<State>,
    gathered_in: Duration,
}

struct State {
    address: SocketAddr,
    door: Semaphore,
    /// How many are connected.
    standing: AtomicU32,
    /// How often a connection ended.
    thrown_out: AtomicU32,
}

#[derive(Clone, Copy)]
enum Kind {
    Idle,
    Slow,
    Deaf,
}

impl Crowd {
    /// Connects all of them, on a thread of their own, and waits until they are.
    pub(crate) fn gather(address: SocketAddr, sizes: Sizes) -> Result<Self, Error> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let state = Arc::new(State {
            address,
            door: Semaphore::new(AT_THE_DOOR),
            standing: AtomicU32::new(0),
            thrown_out: AtomicU32::new(0),
        });
        for (kind, count) in
            [(Kind::Idle, sizes.idle), (Kind::Slow, sizes.slow), (Kind::Deaf, sizes.deaf)]
        {
            for number in 0..count {
                // Spread, so that they are no chorus.
                let phase = BEAT * number / count;
                runtime.spawn(Arc::clone(&state).stay(kind, phase));
            }
        }
        let began = Instant::now();
        while state.standing.load(Ordering::Relaxed) < sizes.all() {
            if began.elapsed() > PATIENCE {
                return Err(Error::NotCrowded { within: PATIENCE });
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self { _runtime: runtime, state, gathered_in: began.elapsed() })
    }

    /// How long it took until all were connected.
    pub(crate) const fn gathered_in(&self) -> Duration {
        self.gathered_in
    }

    /// How many are connected, and how many connections have ended until now.
    pub(crate) fn count(&self) -> (u32, u32) {
        (self.state.standing.load(Ordering::Relaxed), self.state.thrown_out.load(Ordering::Relaxed))
    }
}

impl State {
    /// Connects, again and again, and does what its kind does.
    async fn stay(self: Arc<Self>, kind: Kind, phase: Duration) {
        loop {
            let connected = {
                let _turn = self.door.acquire().await.expect("the door is never closed");
                TcpStream::connect(self.address).await
            };
            if let Ok(mut stream) = connected {
                self.standing.fetch_add(1, Ordering::Relaxed);
                // It ends by an error or by the end of the connection, which are the same here.
                _ = match kind {
                    Kind::Idle => stream.read(&mut [0]).await.map(drop),
                    Kind::Slow => drip(stream, phase).await,
                    Kind::Deaf => flood(stream).await,
                };
                self.standing.fetch_sub(1, Ordering::Relaxed);
                self.thrown_out.fetch_add(1, Ordering::Relaxed);
            }
            sleep(PAUSE).await;
        }
    }
}

async fn drip(mut stream: TcpStream, phase: Duration) -> io::Result<()> {
    sleep(phase).await;
    loop {
        stream.write_all(b"I").await?;
        sleep(BEAT).await;
    }
}

async fn flood(mut stream: TcpStream) -> io::Result<()> {
    let lines = "IAMAT deaf +34.068930-118.445127 1520023934.918963997\n".repeat(100);
    loop {
        stream.write_all(lines.as_bytes()).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::net::TcpListener;
    use std::sync::mpsc;

    #[test]
    fn each_kind_does_what_it_is_there_for_and_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, streams) = mpsc::channel();
        thread::spawn(move || {
            listener.incoming().try_for_each(|stream| accepted.send(stream.unwrap()))
        });

        let crowd = Crowd::gather(address, Sizes { idle: 3, slow: 0, deaf: 1 }).unwrap();
        let mut streams: Vec<_> = streams.iter().take(4).collect();
        let speaks = |stream: &std::net::TcpStream| {
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            BufReader::new(stream).read_line(&mut String::new()).is_ok()
        };
        let speaking: Vec<_> = (0..4).filter(|at| speaks(&streams[*at])).collect();
        assert_eq!(speaking.len(), 1, "the deaf one");

        drop(streams.remove(speaking[0]));
        let end = Instant::now() + PATIENCE;
        while crowd.count() != (4, 1) {
            assert!(Instant::now() < end, "it did not come back");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
