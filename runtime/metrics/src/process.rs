//! What the system says of the process, by the names that Prometheus' own libraries have for it.

use core::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Asks the system when it is collected. What it does not say is left out, as all is where there is no `/proc`.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if let Some(stat) = Stat::read() {
            let cpu = "Processor time, of the user and of the system";
            let mut metric =
                encoder.encode_descriptor("process_cpu_seconds", cpu, None, MetricType::Counter)?;
            metric.encode_counter::<NoLabelSet, _, f64>(&stat.cpu_seconds, None)?;
            let started = "When the process started, since 1970-01-01 UTC";
            gauge(&mut encoder, "process_start_time_seconds", started, stat.started)?;
            gauge(&mut encoder, "process_threads", "Threads", stat.threads)?;
            let virtual_memory = "Memory that has addresses";
            gauge(
                &mut encoder,
                "process_virtual_memory_bytes",
                virtual_memory,
                stat.virtual_bytes,
            )?;
            let resident = "Memory in use";
            gauge(&mut encoder, "process_resident_memory_bytes", resident, stat.resident_bytes)?;
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            // The one that reads the directory is among them.
            let open = u64::try_from(open.count().saturating_sub(1)).unwrap_or(u64::MAX);
            gauge(&mut encoder, "process_open_fds", "Open files", open)?;
        }
        if let Some(most) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
            gauge(&mut encoder, "process_max_fds", "Files that may be open", most)?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: impl EncodeGaugeValue,
) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
}

/// What `/proc` has of this process.
#[derive(Debug)]
struct Stat {
    cpu_seconds: f64,
    /// Since 1970-01-01 UTC.
    started: f64,
    threads: u64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl Stat {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?;
        let page = u64::try_from(rustix::param::page_size()).ok()?;
        Self::parse(&stat, boot.trim().parse().ok()?, rustix::param::clock_ticks_per_second(), page)
    }

    /// By the numbers of proc_pid_stat(5); the second field is a name, which may hold anything.
    fn parse(stat: &str, boot: f64, ticks_per_second: u64, page: u64) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |nth: usize| fields.get(nth - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| {
            Some(
                f64::from(u32::try_from(ticks / ticks_per_second).ok()?)
                    + f64::from(u32::try_from(ticks % ticks_per_second).ok()?)
                        / f64::from(u32::try_from(ticks_per_second).ok()?),
            )
        };
        Some(Self {
            cpu_seconds: seconds(number(14)?.checked_add(number(15)?)?)?,
            started: boot + seconds(number(22)?)?,
            threads: number(20)?,
            virtual_bytes: number(23)?,
            resident_bytes: number(24)?.checked_mul(page)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_program_may_hold_anything() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 93 0 0 0 120 30 0 0 20 0 3 0 250 8192000 500 18446744073709551615";
        let stat = Stat::parse(stat, 1_000_000.0, 100, 4096).unwrap();
        assert!((stat.cpu_seconds - 1.5).abs() < 1e-9 && (stat.started - 1_000_002.5).abs() < 1e-9);
        assert_eq!(
            (stat.threads, stat.virtual_bytes, stat.resident_bytes),
            (3, 8_192_000, 2_048_000)
        );
    }
}
