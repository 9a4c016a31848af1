//! What other processes use, as Linux tells in `/proc`.

use std::fs;
use std::io;

/// The processor time that process `pid` has used since it began, in its own code and in the kernel, in
/// seconds.
///
/// # Errors
///
/// There is no such process, or the system does not tell.
pub fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks = ticks(&stat).ok_or(io::ErrorKind::InvalidData)?;
    Ok(ticks as f64 / TICKS_PER_SECOND)
}

/// The memory of process `pid` that is in use and not backed by files, in bytes.
///
/// # Errors
///
/// There is no such process, or the system does not tell.
pub fn resident_bytes(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// User and system time. The program's name comes before them and may hold anything.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    Some(times.next()?.ok()? + times.next()?.ok()?)
}

/// What Linux counts processor time in for programs, on nearly every machine.
const TICKS_PER_SECOND: f64 = 100.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_not_pass_for_a_number() {
        let stat = "7 (a) S 1 2) R 1 7 7 0 -1 4194304 90 0 0 0 12 30 0 0 20 0 1 0 5 1 1";

        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a) R 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_can_look_at_itself() {
        let own = std::process::id();

        assert!(resident_bytes(own).unwrap() > 0);
        assert!(cpu_seconds(own).unwrap() >= 0.0);
        assert!(cpu_seconds(u32::MAX).is_err());
    }
}
