//! Delay for packets, where the kernel has no netem.
//!
//! A router sends what it forwards to a TUN device first. This program reads the packets there and writes
//! them back to the same device a while later; the router, which sees them come from the device now, sends
//! them on. Whole packets are delayed, so that handshakes, acknowledgements and repeats of TCP take as long
//! as they would on a long line.

use core::time::Duration;
use std::io;

use tokio::time::{Instant, sleep_until};
use tokio_tun::Tun;

use crate::delay_line::DelayLine;
use crate::error::Error;

/// Packets under way at once, some 150 MB of the largest.
const MOST: usize = 100_000;
/// No packet is longer; see `run` for the devices' MTU.
const PACKET: usize = 65_536;

/// Of `relay`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The TUN device, which is made and goes when this program does
    #[arg(long)]
    device: String,
    /// How long a packet is held back
    #[arg(long)]
    delay_ms: u32,
    /// How much more or less it may be; the order stays
    #[arg(long, default_value_t = 0)]
    jitter_ms: u32,
}

/// Delays packets until the process is ended.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(relay(args))
}

async fn relay(args: &Args) -> Result<(), Error> {
    let devices = Tun::builder().name(&args.device).up().build().map_err(io::Error::other)?;
    let device = devices.first().expect("one device has one queue");
    let delay = Duration::from_millis(args.delay_ms.into());
    let jitter = Duration::from_millis(args.jitter_ms.into());
    let mut line = DelayLine::new(delay, jitter, MOST);
    let began = Instant::now();
    let mut buffer = vec![0; PACKET];
    loop {
        let next = line.due().map(|due| began + due);
        let in_time = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            read = device.recv(&mut buffer) => {
                let mut length = read?;
                let now = began.elapsed();
                // The rest of a burst came at the same moment.
                loop {
                    // A packet for which there is no room is lost, as in any queue.
                    _ = line.push(&buffer[..length], now, fastrand::f64());
                    match device.try_recv(&mut buffer) {
                        Ok(more) => length = more,
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            () = in_time => {}
        }
        while let Some(packet) = line.pop(began.elapsed()) {
            // The kernel refuses what it can not route: such a packet is lost too.
            _ = device.try_send(&packet);
        }
    }
}
