//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::crowd::Sizes;

/// Measure how a server does for one good client while a hostile crowd holds connections
#[derive(Clone, Debug, Parser)]
#[command(name = "herd-hostile", version)]
pub(crate) struct Args {
    /// What to measure: herd-tokio, herd-async-std, or a name that benches/peers/start knows
    #[arg(long, value_delimiter = ',', default_value = "herd-tokio,herd-async-std,asyncio")]
    pub(crate) servers: Vec<String>,
    #[command(flatten)]
    pub(crate) sizes: Sizes,
    /// How long the server is measured before the crowd comes
    #[arg(long, value_name = "S", default_value_t = 5)]
    pub(crate) before_seconds: u32,
    /// How long it is measured while the crowd is there
    #[arg(long, value_name = "S", default_value_t = 35)]
    pub(crate) seconds: u32,
    /// How often each server has its turn
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,
    /// Where `result.json` and `table.md` go
    #[arg(long, default_value = "target/hostile")]
    pub(crate) out: PathBuf,
    /// Few connections and one short round: whether it works at all
    #[arg(long)]
    pub(crate) short: bool,
}
