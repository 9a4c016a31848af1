//! The runs as tables in Markdown.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use crate::measured::Operation;
use crate::runs::{Environment, Run, quantile_ms};

/// Three tables: what was done to the network, what clients met, and where the processors' time went.
pub(crate) fn markdown(environment: &Environment, runs: &[Run]) -> String {
    let mut out = String::new();
    machine(environment, &mut out);
    networks(runs, &mut out);
    latencies(runs, &mut out);
    failures(runs, &mut out);
    processors(environment, runs, &mut out);
    out
}

fn machine(environment: &Environment, out: &mut String) {
    let Environment { command, kernel, processor, cores, memory_mib } = environment;
    push(out, format_args!("    {command}\n"));
    push(out, format_args!("{cores} cores of {processor}, {memory_mib} MiB, Linux {kernel}.\n"));
}

fn networks(runs: &[Run], out: &mut String) {
    push(
        out,
        format_args!("| network | delay, one way | loss, one way | bandwidth of a namespace |"),
    );
    push(out, format_args!("|---|---|---|---|"));
    let networks: BTreeMap<&str, _> =
        runs.iter().map(|run| (run.setting.network.name.as_str(), &run.setting.network)).collect();
    for (name, network) in networks {
        let delay = match network.delay_by.as_str() {
            "none" => "none".to_owned(),
            by => format!("{} ± {} ms ({by})", network.delay_ms, network.jitter_ms),
        };
        let loss = match network.loss_by.as_str() {
            "none" => "none".to_owned(),
            by => format!("{} % ({by})", network.loss_percent),
        };
        let rate = match network.rate_by.as_str() {
            "none" => "not limited".to_owned(),
            by => format!("{} ({by})", network.rate),
        };
        push(out, format_args!("| {name} | {delay} | {loss} | {rate} |"));
    }
    push(out, format_args!(""));
}

fn latencies(runs: &[Run], out: &mut String) {
    push(
        out,
        format_args!(
            "| server | network | clients | what | asked/s | answered/s | failed | not asked | p50 ms | p90 | \
             p99 | p99.9 | longest |"
        ),
    );
    push(out, format_args!("|---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"));
    for run in runs {
        for (name, operation) in run.asked().chain(run.observed()) {
            latency(run, name, operation, out);
        }
    }
    push(out, format_args!(""));
}

fn latency(run: &Run, name: &str, operation: &Operation, out: &mut String) {
    let seconds = f64::from(run.setting.seconds.max(1));
    let rate = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / seconds;
    let (server, network, clients) =
        (&run.setting.server, &run.setting.network.name, run.setting.clients);
    _ = write!(out, "| {server} | {network} | {clients} | {name} |");
    _ = write!(out, " {:.1} | {:.1} |", rate(operation.offered), rate(operation.answered()));
    _ = write!(out, " {} | {} |", operation.failed(), operation.unsent);
    for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
        if operation.answered() == 0 {
            out.push_str(" |");
        } else {
            _ = write!(out, " {} |", three_digits(quantile_ms(operation, quantile)));
        }
    }
    out.push('\n');
}

fn failures(runs: &[Run], out: &mut String) {
    for run in runs {
        for (name, operation) in run.operations() {
            for (kind, count) in &operation.failures {
                let (server, title) = (&run.setting.server, run.title());
                push(out, format_args!("- {server}, {title}: {name}: {kind}: {count}"));
            }
        }
    }
    push(out, format_args!(""));
}

fn processors(environment: &Environment, runs: &[Run], out: &mut String) {
    let kinds = ["servers", "database", "places", "clients", "relay", "machine"];
    push(out, format_args!("Processors in use on average, of {}:\n", environment.cores));
    push(out, format_args!("| server | network | clients | {} |", kinds.join(" | ")));
    push(out, format_args!("|---|---|--:|{}", "--:|".repeat(kinds.len())));
    for run in runs {
        let (server, network) = (&run.setting.server, &run.setting.network.name);
        _ = write!(out, "| {server} | {network} | {} |", run.setting.clients);
        for kind in kinds {
            match run.setting.processors.get(kind) {
                Some(count) => _ = write!(out, " {count:.2} |"),
                None => out.push_str(" |"),
            }
        }
        out.push('\n');
    }
}

/// As many digits as mean anything.
fn three_digits(ms: f64) -> String {
    if ms < 10.0 {
        format!("{ms:.2}")
    } else if ms < 100.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

fn push(out: &mut String, line: core::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    _ = writeln!(out, "{line}");
}
