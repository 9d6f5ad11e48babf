//! How much memory the process has needed.

/// Largest resident set so far, in MiB, where the kernel tells (`VmHWM`, proc(5)).
#[must_use]
pub fn peak_rss_mib() -> Option<f32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    parse(&status)
}

fn parse(status: &str) -> Option<f32> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_s_line() {
        assert_eq!(parse("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n"), Some(2.0));
        assert_eq!(parse("Name:\tx\n"), None);
        assert_eq!(parse("VmHWM:\tmany kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_needs_some_memory() {
        assert!(peak_rss_mib().unwrap() > 1.0);
    }
}
