//! The least that asking a provider takes with reqwest, on one thread.
//!
//! `herd-lookup-tokio URL LOOPS SECONDS` asks for URL in so many loops at a time, and says how often it was answered and
//! what processor time that took. `herd-lookup-tokio serve PORT URL ANSWER` asks for URL whenever a client asks, and
//! answers with the client's last report and the content of the file ANSWER.

mod provider;
mod serve;

use core::error::Error;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::{env, fs, process};

use futures_util::future::select_all;
use herd_load::process::cpu_seconds;
use reqwest::Client;
use tokio::time::timeout;

use crate::provider::{client, look_up};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match &*arguments {
        [url, loops, seconds] => {
            let time = Duration::try_from_secs_f64(seconds.parse()?)?;
            runtime.block_on(measure(url.as_str().into(), loops.parse()?, time))
        }
        [serve, port, url, answer] if serve == "serve" => {
            runtime.block_on(serve::serve(port.parse()?, url.clone(), fs::read(answer)?))
        }
        _ => Err("arguments: URL LOOPS SECONDS, or serve PORT URL ANSWER".into()),
    }
}

async fn measure(url: Arc<str>, loops: usize, time: Duration) -> Result<(), Box<dyn Error>> {
    let client = client()?;
    let answered = Arc::new(AtomicU64::new(0));
    let ask = |_| tokio::spawn(ask(client.clone(), Arc::clone(&url), Arc::clone(&answered)));
    let mut failed = select_all((0..loops).map(ask));

    let mut used = Vec::new();
    for time in [WARM_UP, time] {
        if let Ok((failure, ..)) = timeout(time, &mut failed).await {
            return Err(failure?.into());
        }
        used.push((answered.load(Ordering::Relaxed), cpu_seconds(process::id())?));
    }
    let (lookups, cpu) = (used[1].0 - used[0].0, used[1].1 - used[0].1);
    writeln!(io::stdout().lock(), r#"{{"lookups": {lookups}, "cpu_seconds": {cpu}}}"#)?;
    Ok(())
}

/// Asks again and again, until that fails.
async fn ask(client: Client, url: Arc<str>, answered: Arc<AtomicU64>) -> reqwest::Error {
    loop {
        match look_up(&client, &url).await {
            Ok(()) => answered.fetch_add(1, Ordering::Relaxed),
            Err(error) => return error,
        };
    }
}

/// How long nothing is measured.
const WARM_UP: Duration = Duration::from_millis(300);
