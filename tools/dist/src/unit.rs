//! The systemd unit. `uniultra` is a command, not a daemon: what makes sense at every boot is its
//! self-test, so that a damaged or too small system says so before anybody relies on a mask.

use super::board::Board;

pub(super) const NAME: &str = "uniultra-selftest.service";

/// The unit for programs and data below `prefix`, such as `/usr`.
pub(super) fn text(prefix: &str, board: &Board) -> String {
    let (name, memory_limit_mib) = (&board.profile.name, board.profile.memory.limit_mib);
    let profile = board.installed();
    format!(
        "# One self-test at every boot: `systemctl enable --now {NAME}`; its report: `journalctl -u {NAME}`.\n\
[Unit]
Description=Self-test of UniUltra Edge ({name})

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={prefix}/bin/uniultra selftest --board {prefix}/{profile}
TimeoutStartSec=120

# What the program does not need, it does not get: it reads the board's profile, and writes to the journal.
DynamicUser=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
UMask=0077
KeyringMode=private

PrivateNetwork=yes
RestrictAddressFamilies=none
IPAddressDeny=any

ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
PrivateMounts=yes
PrivateIPC=yes
PrivateUsers=yes
RemoveIPC=yes
NoExecPaths=/
ExecPaths={prefix}/bin/uniultra

# Not ProcSubset=pid: the kind of core, which kernels are chosen by, is in /proc/cpuinfo.
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @network-io @keyring @ipc

# memory.limit_mib of the board's profile.
MemoryMax={memory_limit_mib}M
MemorySwapMax=0
TasksMax=16

[Install]
WantedBy=multi-user.target
"
    )
}

#[cfg(test)]
mod tests {
    use super::super::board;
    use super::*;
    use std::collections::BTreeMap;

    /// Sections and their keys; a key that comes twice keeps both values.
    fn parse(text: &str) -> BTreeMap<(String, String), Vec<String>> {
        let (mut found, mut section) = (BTreeMap::<_, Vec<_>>::new(), String::new());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name.to_string();
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no `=`: {line}"));
            assert!(key.chars().all(|c| c.is_ascii_alphanumeric()), "{line}");
            assert!(!section.is_empty(), "{line} is in no section");
            found.entry((section.clone(), key.to_string())).or_default().push(value.to_string());
        }
        found
    }

    #[test]
    fn the_service_is_restricted_as_the_profile_says() {
        let unit = parse(&text("/usr", &board::example()));
        let service = |key: &str| unit[&("Service".to_string(), key.to_string())].join(" ");
        for (key, value) in [
            ("Type", "oneshot"),
            (
                "ExecStart",
                "/usr/bin/uniultra selftest --board /usr/share/uniultra/boards/raspberry-pi-4.toml",
            ),
            ("ExecPaths", "/usr/bin/uniultra"),
            ("PrivateNetwork", "yes"),
            ("RestrictAddressFamilies", "none"),
            ("ProtectSystem", "strict"),
            ("NoNewPrivileges", "yes"),
            ("DynamicUser", "yes"),
            ("CapabilityBoundingSet", ""),
            ("MemoryMax", "128M"),
        ] {
            assert_eq!(service(key), value, "{key}");
        }
        // Binding threads to CPUs is one of @resources, which @system-service has.
        assert!(!service("SystemCallFilter").contains("resources"));
        assert!(service("SystemCallFilter").starts_with("@system-service ~"));
        assert!(unit.contains_key(&("Install".to_string(), "WantedBy".to_string())));
        let local = text("/usr/local", &board::example());
        assert!(local.contains("ExecStart=/usr/local/bin/uniultra "), "{local}");
    }
}
