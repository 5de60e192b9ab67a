//! How long this process ran and how much memory it held: for people, on standard error.

use std::time::Duration;

/// `took 12.3 s, at most 84 MiB resident`; memory only where `/proc` tells.
pub fn line(took: Duration) -> String {
    let seconds = format!("took {}.{} s", took.as_secs(), took.subsec_millis() / 100);
    match peak_kib() {
        Some(kib) => format!("{seconds}, at most {} MiB resident", kib / 1024),
        None => seconds,
    }
}

/// The largest resident size so far, in KiB.
pub fn peak_kib() -> Option<u64> {
    field("VmHWM:")
}

/// The resident size now, in KiB.
pub fn resident_kib() -> Option<u64> {
    field("VmRSS:")
}

fn field(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
