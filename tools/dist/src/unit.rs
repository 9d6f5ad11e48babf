//! The systemd units: a self-test at every boot, so that a damaged or too small system says so before anybody relies
//! on a mask; and the live node, which systemd starts again if its inference hangs.

use super::board::Board;

pub(super) const NAME: &str = "uniultra-selftest.service";
pub(super) const LIVE: &str = "uniultra-live.service";

/// What neither unit needs, neither gets. Not ProcSubset=pid: the kind of core, which kernels are chosen by, is in
/// /proc/cpuinfo.
const RESTRICTIONS: &str = "\
DynamicUser=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
UMask=0077
KeyringMode=private

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
";

/// The live node's unit. Frames come through a socket that the unit makes; the page is for this machine only.
pub(super) fn live(prefix: &str, board: &Board) -> String {
    let (name, memory_limit_mib) = (&board.profile.name, board.profile.memory.limit_mib);
    let profile = board.installed();
    format!(
        "# The live page on http://127.0.0.1:8080/. Its frames: a YUV4MPEG2 stream into /run/uniultra-live/frames.sock.\n\
# Another source: `systemctl edit {LIVE}`, [Service], Environment=UNIULTRA_SOURCE=demo
[Unit]
Description=Live page of UniUltra Edge ({name})
After={NAME}

[Service]
Type=notify
NotifyAccess=main
RuntimeDirectory=uniultra-live
Environment=UNIULTRA_SOURCE=unix:/run/uniultra-live/frames.sock
ExecStart={prefix}/bin/uniultra live --board {prefix}/{profile} --source ${{UNIULTRA_SOURCE}} --http 127.0.0.1:8080
TimeoutStartSec=60
TimeoutStopSec=5
# The program reports life only while its session answers.
WatchdogSec=10
Restart=on-failure
RestartSec=1

# What the program does not need, it does not get: it talks to this machine, and writes to its socket's folder and
# to the journal.
{RESTRICTIONS}SystemCallFilter=~@privileged @keyring
ExecPaths={prefix}/bin/uniultra
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
IPAddressDeny=any
IPAddressAllow=localhost

# memory.limit_mib of the board's profile.
MemoryMax={memory_limit_mib}M
MemorySwapMax=0
TasksMax=32

[Install]
WantedBy=multi-user.target
"
    )
}

/// The self-test's unit, for programs and data below `prefix`, such as `/usr`.
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
{RESTRICTIONS}SystemCallFilter=~@privileged @network-io @keyring @ipc
ExecPaths={prefix}/bin/uniultra
PrivateNetwork=yes
RestrictAddressFamilies=none
IPAddressDeny=any

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
        let live = parse(&live("/usr", &board::example()));
        let service = |key: &str| live[&("Service".to_string(), key.to_string())].join(" ");
        for (key, value) in [
            ("Type", "notify"),
            ("WatchdogSec", "10"),
            ("Restart", "on-failure"),
            ("IPAddressAllow", "localhost"),
            ("DynamicUser", "yes"),
            ("MemoryMax", "128M"),
        ] {
            assert_eq!(service(key), value, "{key}");
        }
        assert!(
            service("ExecStart")
                .contains(" live --board /usr/share/uniultra/boards/raspberry-pi-4.toml")
        );
        let local = text("/usr/local", &board::example());
        assert!(local.contains("ExecStart=/usr/local/bin/uniultra "), "{local}");
    }
}
