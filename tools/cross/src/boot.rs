//! A whole machine, emulated: Debian's kernel, the device binary, and a first process (`tests/first-process`)
//! that lets it test itself, with the report on the serial console, and powers off.

use super::machine::Machine;
use super::{DEVICE, Link, TARGET, Toolchain, console, folder, initramfs, static_flags};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use uniultra_checkout::workspace::{self, Workspace};
use uniultra_checkout::{screen, whole};

/// Memory of the machine.
const MEMORY_MIB: u32 = 128;
/// Of it, what the program may have resident at its peak.
const MAX_RSS_MIB: u32 = 48;
/// A boot takes about a minute of an idle processor; a busy one may take many.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// Names of the two programs in the machine.
const PROGRAM: &str = "uniultra";
const FIRST_PROCESS: &str = "first-process";

/// Boots as on each core; `binary` is linked statically.
pub(super) fn run(
    workspace: &Workspace,
    toolchain: &Toolchain,
    binary: &Path,
    cores: &[&str],
) -> Result<()> {
    let machine = Machine::setup(workspace)?;
    let first_process = first_process(workspace, toolchain)?;
    let initramfs = file_system(workspace, &first_process, binary)?;
    for core in cores {
        // The same binary without a kernel of its own: both must have the same bits.
        let expected = selftest(workspace, toolchain, binary, core)?;
        let logits = text(&expected, "logits_sha256")?;
        let mut command = workspace.command(&machine.qemu);
        let memory = MEMORY_MIB.to_string();
        command.args(["-M", "virt", "-cpu", core, "-m", &memory, "-nodefaults", "-no-reboot"]);
        command.args(["-display", "none", "-nic", "none", "-serial", "stdio"]);
        command.arg("-kernel").arg(&machine.kernel).arg("-initrd").arg(&initramfs);
        command.args(["-append", &kernel_line(logits)]);
        screen::line(&format!("{TARGET}: booting a machine of {MEMORY_MIB} MiB, {core}"));
        let console = console::watch(&mut command, LIMIT).with_context(|| core.to_string())?;
        let report = report(&console).and_then(|report| {
            check(&report, &expected)?;
            Ok(report)
        });
        let report = report.with_context(|| format!("{core}: {}", console::tail(&console)))?;
        screen::line(&format!("{core}: {}", summary(&report)?));
        let file = folder(workspace).join("booted").join(core).with_extension("json");
        whole::write(&file, format!("{report:#}\n").as_bytes())?;
    }
    Ok(())
}

/// The kernel's command line, and after `--` that of the first process. A kernel that panics reboots at
/// once, which ends the emulation.
fn kernel_line(logits: &str) -> String {
    format!(
        "console=ttyAMA0 quiet cma=0 panic=-1 rdinit=/{FIRST_PROCESS} -- \
         /{PROGRAM} selftest --json - --max-rss-mib {MAX_RSS_MIB} --expect-logits {logits}"
    )
}

/// Builds the machine's first process.
fn first_process(workspace: &Workspace, toolchain: &Toolchain) -> Result<PathBuf> {
    let target = folder(workspace).join(Link::Static.name());
    let mut command = toolchain.cargo(workspace, &target, &["build", "--locked"]);
    command.args(["--profile", DEVICE, "-p", "uniultra-first-process"]);
    static_flags(&mut command, Link::Static);
    workspace::run(&mut command)?;
    Ok(target.join(TARGET).join(DEVICE).join(FIRST_PROCESS))
}

fn file_system(workspace: &Workspace, first_process: &Path, binary: &Path) -> Result<PathBuf> {
    let read = |file: &Path| {
        fs::read(file).with_context(|| format!("cannot read {}", workspace.shown(file)))
    };
    let (first_process, binary) = (read(first_process)?, read(binary)?);
    let programs = [(FIRST_PROCESS, first_process.as_slice()), (PROGRAM, binary.as_slice())];
    let file = folder(workspace).join("booted/initramfs.cpio");
    whole::write(&file, &initramfs::archive(&programs)?)?;
    Ok(file)
}

/// The report of the binary as a program of this machine.
fn selftest(
    workspace: &Workspace,
    toolchain: &Toolchain,
    binary: &Path,
    core: &str,
) -> Result<Value> {
    let [program, rest @ ..] = toolchain.emulator().words(core);
    let mut command = workspace.command(program);
    command.args(rest).arg(binary).args(["selftest", "--json", "-"]);
    let printed = workspace::output(&mut command)?;
    serde_json::from_str(&printed).context("expected the self-test's JSON")
}

/// The report among the other lines of a console, whose lines end as a terminal's.
fn report(console: &str) -> Result<Value> {
    let start = console
        .find("{\"schema\":\"uniultra-selftest\"")
        .context("expected a report of the self-test on the console, found none")?;
    let mut values = serde_json::Deserializer::from_str(&console[start..]).into_iter();
    values.next().context("no report")?.context("expected a whole report on the console")
}

/// Whether the machine that booted is the one that was asked for, and gave the right answer in it.
fn check(report: &Value, expected: &Value) -> Result<()> {
    let failed: Vec<String> = report["checks"]
        .as_array()
        .context("expected `checks` in the report")?
        .iter()
        .filter(|check| check["ok"] != true)
        .map(|check| {
            format!("{}: expected {}, found {}", check["name"], check["expected"], check["found"])
        })
        .collect();
    ensure!(failed.is_empty() && report["ok"] == true, "failed: {}", failed.join("; "));
    let system = &report["system"];
    ensure!(system["arch"] == "aarch64", "expected aarch64, found {}", system["arch"]);
    for field in ["model", "mask_runs", "logits_sha256"] {
        let [found, expected] = [&report[field], &expected[field]];
        ensure!(found == expected, "{field}: expected {expected}, found {found}");
    }
    let memory = number(&report["system"], "memory_total_mib")?;
    ensure!(
        memory <= f64::from(MEMORY_MIB),
        "expected a machine of {MEMORY_MIB} MiB, found {memory} MiB"
    );
    // Not where the program was told another limit.
    let limits = report["checks"].as_array().into_iter().flatten();
    let limited = limits.filter(|check| check["name"] == "peak_rss_mib").count();
    ensure!(limited == 1, "expected a check of the peak memory, found {limited}");
    Ok(())
}

fn summary(report: &Value) -> Result<String> {
    Ok(format!(
        "Linux {} with {:.0} MiB of {MEMORY_MIB} for programs, peak {:.1} MiB, Dice {:.4}; the bits of \
         a program emulated without a kernel (under emulation: frame {:.1} s, click {:.1} s)",
        text(&report["system"], "kernel")?,
        number(&report["system"], "memory_total_mib")?,
        number(report, "peak_rss_mib")?,
        number(report, "mask_dice")?,
        number(report, "encode_ms")? / 1e3,
        number(report, "click_ms")? / 1e3,
    ))
}

fn text<'a>(report: &'a Value, field: &str) -> Result<&'a str> {
    report[field]
        .as_str()
        .with_context(|| format!("expected text, found {field} {}", report[field]))
}

fn number(report: &Value, field: &str) -> Result<f64> {
    report[field]
        .as_f64()
        .with_context(|| format!("expected a number, found {field} {}", report[field]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good() -> Value {
        json!({
            "schema": "uniultra-selftest", "ok": true, "model": { "id": "m" }, "mask_runs": [3, 1],
            "logits_sha256": "c", "system": { "arch": "aarch64", "memory_total_mib": 99.5 },
            "checks": [{"name": "peak_rss_mib", "ok": true, "expected": "at most 48", "found": "40"}],
        })
    }

    #[test]
    fn finds_the_report_between_other_lines() {
        let console =
            "[    0.1] Linux\r\n{\"schema\":\"uniultra-selftest\",\"ok\":true}\r\n[ 9.9] down\r\n";
        assert_eq!(report(console).unwrap()["ok"], true);
        let none = report("[    0.1] Linux\r\n{}").unwrap_err().to_string();
        assert!(none.contains("found none"), "{none}");
        let part = report("{\"schema\":\"uniultra-selftest\",\"ok\":").unwrap_err().to_string();
        assert!(part.contains("a whole report"), "{part}");
    }

    #[test]
    fn the_right_answer_passes_and_any_other_is_named() {
        assert!(check(&good(), &good()).is_ok());
        let with = |field: &str, value: Value| {
            let mut report = good();
            report[field] = value;
            check(&report, &good()).unwrap_err().to_string()
        };
        assert!(
            with("logits_sha256", json!("d"))
                .contains("logits_sha256: expected \"c\", found \"d\"")
        );
        assert!(with("mask_runs", json!([4])).contains("mask_runs"));
        let large = json!({ "arch": "aarch64", "memory_total_mib": 256 });
        assert!(with("system", large).contains("expected a machine of 128 MiB"));
        assert!(with("system", json!({ "arch": "x86_64" })).contains("aarch64"));
        assert!(with("ok", json!(false)).contains("failed"));
        assert!(with("checks", json!([])).contains("a check of the peak memory"));
        let failed =
            json!([{"name": "peak_rss_mib", "ok": false, "expected": "at most 48", "found": "50"}]);
        assert!(with("checks", failed).contains("\"at most 48\", found \"50\""));
    }

    #[test]
    fn the_first_process_gets_its_own_words() {
        let line = kernel_line("abc");
        let (kernel, program) = line.split_once(" -- ").unwrap();
        assert!(kernel.contains("console=ttyAMA0") && kernel.contains("rdinit=/first-process"));
        assert_eq!(program, "/uniultra selftest --json - --max-rss-mib 48 --expect-logits abc");
    }
}
