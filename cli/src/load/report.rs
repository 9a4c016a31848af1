//! What a run measured, for people and for programs.

use core::fmt::Write as _;
use herd_load::{Distribution, End, Errors, Latency, Outcome, Pace, Plan, Protocol};
use indicatif::HumanCount;
use serde_json::{Value, json};

/// For people.
pub(super) fn text(servers: &str, plan: &Plan, outcome: &Outcome) -> String {
    let mut out = String::new();
    let mut add = |line: String| writeln!(out, "{line}").expect("a string takes text");
    add(format!("{servers}: {}", setting(plan)));
    add(format!(
        "{} lines answered in {:.2} s: {} a second",
        HumanCount(outcome.answered),
        outcome.seconds,
        whole(outcome.per_second),
    ));
    if let (Some(cpu), Some(rate)) = (outcome.server_cpu_seconds, outcome.per_server_cpu_second) {
        add(format!("{cpu:.2} s of the servers' processor time: {} a second of it", whole(rate)));
    }
    if let Some(cpu) = outcome.own_cpu_seconds {
        add(format!("{cpu:.2} s of this program's own"));
    }
    for (what, latency) in [("IAMAT", &outcome.iamat), ("WHATSAT", &outcome.whatsat)] {
        if let Some(latency) = latency {
            add(quantiles(what, latency));
        }
    }
    if outcome.unsent > 0 {
        add(format!(
            "{} lines were due and not sent by the end: as many as --depth allows were unanswered",
            HumanCount(outcome.unsent),
        ));
    }
    if outcome.unprovided > 0 {
        add(format!("{} lookups failed at the provider", HumanCount(outcome.unprovided)));
    }
    out.truncate(out.trim_end().len());
    out
}

/// What was asked for, in a line.
fn setting(plan: &Plan) -> String {
    let mut text = format!("{} connections, {} in flight on each", plan.connections, plan.depth);
    let clients = HumanCount(u64::from(plan.clients));
    let mut add = |part: String| {
        text.push_str(", ");
        text.push_str(&part);
    };
    match plan.distribution {
        Distribution::Uniform => add(format!("{clients} clients")),
        Distribution::Zipf(exponent) => add(format!("{clients} clients (Zipf, {exponent})")),
    }
    if plan.whatsat > 0.0 {
        add(format!("{} % WHATSAT", plan.whatsat * 100.0));
    }
    if plan.fresh {
        add("news each time".to_owned());
    }
    if let Pace::Open(rate) = plan.pace {
        add(format!("{} lines a second", whole(rate)));
    }
    text
}

fn quantiles(what: &str, latency: &Latency) -> String {
    let Latency { min, p50, p90, p99, p999, p9999, max, .. } = *latency;
    let mut line = format!("{what:8}");
    let columns = [
        ("min", min),
        ("p50", p50),
        ("p90", p90),
        ("p99", p99),
        ("p99.9", p999),
        ("p99.99", p9999),
        ("max", max),
    ];
    for (name, us) in columns {
        write!(line, " {name} {}", time(us)).expect("a string takes text");
    }
    line
}

/// A time in a unit that suits it, of a time in microseconds.
fn time(us: f64) -> String {
    match us {
        ..1_000.0 => format!("{us:.1} us"),
        ..1_000_000.0 => format!("{:.2} ms", us / 1_000.0),
        _ => format!("{:.2} s", us / 1_000_000.0),
    }
}

fn whole(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "a rate is far below 2^64")]
    #[expect(clippy::cast_sign_loss, reason = "a rate is not negative")]
    let number = number.round() as u64;
    HumanCount(number).to_string()
}

/// A line for each thing that went wrong.
pub(super) fn errors(errors: &Errors) -> Vec<String> {
    let mut lines = Vec::new();
    for (why, count) in &errors.lost {
        lines.push(format!("connections lost: {}, {why}", HumanCount(*count)));
    }
    if errors.unanswered > 0 {
        lines.push(format!("lines not answered: {}", HumanCount(errors.unanswered)));
    }
    if errors.wrong > 0 {
        lines.push(format!("wrong replies: {}, for example", HumanCount(errors.wrong)));
    }
    for wrong in &errors.first_wrong {
        lines.push(format!("  asked    {}", wrong.asked));
        lines.push(format!("  answered {}", wrong.answered));
    }
    lines
}

/// For programs.
pub(super) fn json(plan: &Plan, outcome: &Outcome) -> Value {
    let servers: Vec<_> = plan.servers.iter().map(|server| server.address.to_string()).collect();
    let (rate, duration, count) = (
        match plan.pace {
            Pace::Closed => None,
            Pace::Open(rate) => Some(rate),
        },
        match plan.end {
            End::After(time) => Some(time.as_secs_f64()),
            End::Count(_) => None,
        },
        match plan.end {
            End::After(_) => None,
            End::Count(lines) => Some(lines),
        },
    );
    json!({
        "setting": {
            "servers": servers,
            "connections": plan.connections,
            "depth": plan.depth,
            "protocol": match plan.protocol {
                Protocol::Herd => "herd",
                Protocol::Echo => "echo",
                Protocol::RedisSet => "redis-set",
                Protocol::RedisGeoadd => "redis-geoadd",
            },
            "clients": plan.clients,
            "zipf_exponent": match plan.distribution {
                Distribution::Uniform => None,
                Distribution::Zipf(exponent) => Some(exponent),
            },
            "whatsat_share": plan.whatsat,
            "fresh": plan.fresh,
            "rate": rate,
            "ramp_seconds": plan.ramp.as_secs_f64(),
            "duration_seconds": duration,
            "count": count,
            "pids": plan.pids,
        },
        "outcome": outcome,
    })
}
