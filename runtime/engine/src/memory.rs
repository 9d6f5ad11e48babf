//! How much memory the process has needed.

/// Largest resident set so far, in MiB, where the kernel tells (`VmHWM`, proc(5)).
#[must_use]
pub fn peak_rss_mib() -> Option<f32> {
    read_status("VmHWM:")
}

/// Resident set now, in MiB, where the kernel tells (`VmRSS`, proc(5)).
#[must_use]
pub fn rss_mib() -> Option<f32> {
    read_status("VmRSS:")
}

fn read_status(name: &str) -> Option<f32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    parse(&status, name)
}

fn parse(status: &str, name: &str) -> Option<f32> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: f32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernel_s_line() {
        let status = "Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1024 kB\n";
        assert_eq!(parse(status, "VmHWM:"), Some(2.0));
        assert_eq!(parse(status, "VmRSS:"), Some(1.0));
        assert_eq!(parse("Name:\tx\n", "VmHWM:"), None);
        assert_eq!(parse("VmHWM:\tmany kB\n", "VmHWM:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_needs_some_memory() {
        let now = rss_mib().unwrap();
        assert!(now > 1.0 && peak_rss_mib().unwrap() > 1.0);
    }
}
