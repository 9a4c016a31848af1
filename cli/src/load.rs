//! `herd load`: load for one server or several, every reply checked.

use crate::output::{say, warn};
use crate::target::{Search, Target};
use crate::wire::Wire;
use core::time::Duration;
use herd_config::Failure;
use herd_config::args::HerdArgs;
use herd_core::Dialect;
use herd_load::{Body, Distribution, End, Error, Pace, Plan, Protocol, Question, Server};
use std::process::ExitCode;

mod bar;
mod report;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --rate each connection sends a line for every answer it gets. With --rate lines are \
                  sent at that rate whether or not answers come, and how long one took counts from when it \
                  was due: a server that stalls cannot hide it.\n\n\
                  Every client is reported once before anything is measured. A connection that is lost is \
                  counted and not opened again. The exit code is 1 if a reply was wrong or a line was not \
                  answered.\n\n\
                  Example: herd load Hill --depth 64 --clients 100000"
)]
pub(crate) struct Args {
    /// The servers, by their addresses or by their names in a roster; without any, all of --config or --roster
    #[arg(value_name = "HOST:PORT|NAME", required_unless_present_any = ["config", "roster"])]
    servers: Vec<String>,

    #[command(flatten)]
    herd: HerdArgs,

    /// How many connections there are, to all servers together
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    connections: u32,

    /// How many lines of a connection may be unanswered at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    depth: u32,

    /// How many clients the lines are about
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    clients: u32,

    /// Which client a line is about: all equally often, or few of them mostly
    #[arg(long, value_name = "HOW", value_enum, default_value_t = Frequency::Uniform)]
    distribution: Frequency,

    /// With zipf: the k-th most frequent client comes in proportion to 1 / k^E
    #[arg(long, value_name = "E", default_value_t = 1.0, value_parser = positive)]
    exponent: f64,

    /// The share of lines that are WHATSATs, from 0 to 1; the others are IAMATs
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = fraction)]
    mix: f64,

    /// The radius that WHATSATs ask for, in kilometres
    #[arg(long, value_name = "KM", default_value_t = 10)]
    radius: u32,

    /// How many results WHATSATs ask for at most
    #[arg(long, value_name = "N", default_value_t = 5)]
    bound: u32,

    /// What WHATSATs are answered with [default: what the roster says, or else places]
    #[arg(long, value_name = "WHAT", value_enum)]
    provider: Option<Provider>,

    /// Give each IAMAT a new time stamp, so that it is news for the whole herd; else clients repeat
    /// themselves
    #[arg(long)]
    fresh: bool,

    /// Send so many lines a second, on all connections together, whether or not answers come
    #[arg(long, value_name = "LINES", value_parser = rate)]
    rate: Option<f64>,

    /// How long the load takes to grow; nothing is measured meanwhile
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    ramp: Duration,

    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    duration: Duration,

    /// Measure so many lines, however long it takes
    #[arg(long, value_name = "LINES", conflicts_with = "duration")]
    count: Option<u64>,

    /// How long a connection waits for an answer before it is given up
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    patience: Duration,

    /// A server's process, to tell how many lines it answers per second of processor time (Linux)
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,

    /// What the servers speak
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Language::Herd)]
    protocol: Language,

    /// Print everything that was measured, in JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Frequency {
    /// All equally often, and a client always on the same connection
    Uniform,
    /// Few of them mostly, on any connection
    Zipf,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Provider {
    /// JSON that an empty line ends
    Places,
    /// JSON on one line
    Posts,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Language {
    /// IAMAT and WHATSAT
    Herd,
    /// A copy of every line comes back
    Echo,
    /// Redis: SET
    RedisSet,
    /// Redis: GEOADD
    RedisGeoadd,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Failure> {
    if args.mix > 0.0 && args.protocol != Language::Herd {
        return Err(Failure::wrong("only herd servers know WHATSAT: leave --mix out"));
    }
    let too_few = || Failure::wrong("every server takes a connection: --connections is too small");
    if args.servers.len() > args.connections as usize {
        return Err(too_few());
    }
    let search = Search { herd: &args.herd, authority: None, may_be_foreign: true };
    let reached = if args.servers.is_empty() {
        Target::reach_all(search)?
    } else {
        let reach = |name: &String| Target::reach(name, search);
        args.servers.iter().map(reach).collect::<Result<_, _>>()?
    };
    if reached.len() > args.connections as usize {
        return Err(too_few());
    }
    let servers = reached.iter().map(server).collect::<Result<_, _>>()?;
    let targets: Vec<_> = reached.into_iter().map(|(target, _)| target).collect();
    let plan = plan(args, servers, targets.iter().find_map(Target::dialect));
    let bar = bar::Bar::new();
    let outcome = herd_load::run(&plan, &mut |progress| bar.show(progress));
    bar.clear();
    let outcome = outcome.map_err(|error| {
        if matches!(error, Error::NotPrimed(_)) {
            warn(format_args!(
                "herd: a server that speaks TLS hangs up: the load tool does not speak it"
            ));
        }
        Failure::unable(error.to_string())
    })?;
    if args.json {
        say(format_args!("{}", report::json(&plan, &outcome)));
    } else {
        let described = targets.iter().map(Target::described).collect::<Vec<_>>().join(", ");
        say(format_args!("{}", report::text(&described, &plan, &outcome)));
    }
    if outcome.errors.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    for line in report::errors(&outcome.errors) {
        warn(format_args!("herd: {line}"));
    }
    Ok(ExitCode::FAILURE)
}

/// Where a server is: the first of its addresses where it listens.
fn server((target, wire): &(Target, Wire)) -> Result<Server, Failure> {
    if target.is_secured() {
        let described = target.described();
        return Err(Failure::wrong(format!(
            "{described} speaks TLS, which the load tool does not"
        )));
    }
    let lost = |error| Failure::unable(format!("cannot reach {}: {error}", target.described()));
    let address = wire.peer().map_err(lost)?;
    Ok(Server { address, name: target.name().map(str::to_owned) })
}

fn plan(args: &Args, servers: Vec<Server>, dialect: Option<Dialect>) -> Plan {
    let is_posts = match args.provider {
        Some(provider) => matches!(provider, Provider::Posts),
        None => dialect == Some(Dialect::Posts),
    };
    Plan {
        connections: args.connections as usize,
        depth: args.depth,
        protocol: match args.protocol {
            Language::Herd => Protocol::Herd,
            Language::Echo => Protocol::Echo,
            Language::RedisSet => Protocol::RedisSet,
            Language::RedisGeoadd => Protocol::RedisGeoadd,
        },
        clients: args.clients,
        distribution: match args.distribution {
            Frequency::Uniform => Distribution::Uniform,
            Frequency::Zipf => Distribution::Zipf(args.exponent),
        },
        whatsat: args.mix,
        question: Question {
            radius_km: args.radius,
            bound: args.bound,
            body: if is_posts { Body::Posts } else { Body::Places },
        },
        fresh: args.fresh,
        pace: args.rate.map_or(Pace::Closed, Pace::Open),
        ramp: args.ramp,
        end: args.count.map_or(End::After(args.duration), End::Count),
        patience: args.patience,
        pids: args.pids.clone(),
        ..Plan::new(servers)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|error| error.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

/// Lines a second, no more than any server on Earth answers.
fn rate(text: &str) -> Result<f64, String> {
    let most = 1e9;
    let rate = positive(text)?;
    if rate <= most { Ok(rate) } else { Err(format!("it must be {most} at most")) }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        Ok(_) => Err("it must be more than 0".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        Ok(_) => Err("it must be from 0 to 1".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
