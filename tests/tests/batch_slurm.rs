//! `tools/batch/slurm.sbatch` on a Slurm of its own with one node on the loopback interface: eight shards, one of them
//! requeued in the middle of its work, merged to the bytes of one run. Skipped, loudly, where Slurm is not installed.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and a skipped one says so"
)]
#![cfg(target_os = "linux")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use uniultra_tests::cli::{command, finish, root, sample_frame};

/// The time that a step of Slurm may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// The time that a daemon has to end.
const ENDING: Duration = Duration::from_secs(10);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

const SHARDS: usize = 8;

/// Enough for a shard to be at work when it is requeued.
const IMAGES: usize = 64;

/// A cluster that ends with this value.
struct Cluster {
    folder: TempDir,
    daemons: Vec<Child>,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for daemon in self.daemons.iter_mut().rev() {
            // Asked first, so that it ends its own children. It may have ended already.
            let _ = Command::new("kill").arg(daemon.id().to_string()).output();
            let start = Instant::now();
            while matches!(daemon.try_wait(), Ok(None)) && start.elapsed() < ENDING {
                sleep(PAUSE);
            }
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

/// Daemons are often not on the path.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The output of a program, without the line's end.
fn output(command: &mut Command) -> String {
    let run = finish(command);
    assert_eq!(run.code, Some(0), "{command:?}: {run:?}");
    run.stdout.trim().to_string()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Calls `look` until it finds something.
fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < LIMIT, "{what} did not come");
        sleep(PAUSE);
    }
}

impl Cluster {
    /// Starts one; `None`, with a line, where its programs are missing.
    fn start() -> Option<Self> {
        let programs = ["munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue"];
        let found: Vec<PathBuf> = programs.iter().filter_map(|program| find(program)).collect();
        let [munged, slurmctld, slurmd, ..] = &found[..] else {
            skip();
            return None;
        };
        if found.len() < programs.len() {
            skip();
            return None;
        }
        let mut cluster = Self { folder: tempfile::tempdir().unwrap(), daemons: Vec::new() };
        let key: Vec<u8> =
            (0..1024_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        fs::write(cluster.at("munge.key"), key).unwrap();
        output(Command::new("chmod").arg("600").arg(cluster.at("munge.key")));
        for folder in ["state", "spool"] {
            fs::create_dir(cluster.at(folder)).unwrap();
        }
        fs::write(cluster.at("slurm.conf"), cluster.configuration(slurmd)).unwrap();
        let at = |name: &str| cluster.at(name).display().to_string();
        let munge = [
            "--foreground".to_string(),
            // The scratch folder may lie where others may write.
            "--force".to_string(),
            format!("--key-file={}", at("munge.key")),
            format!("--socket={}", at("munge.socket")),
            format!("--pid-file={}", at("munged.pid")),
            format!("--log-file={}", at("munged.log")),
            format!("--seed-file={}", at("munge.seed")),
        ];
        cluster.spawn(munged, &munge);
        wait("munge's socket", || cluster.at("munge.socket").exists().then_some(()));
        let foreground =
            ["-D".to_string(), "-f".to_string(), cluster.at("slurm.conf").display().to_string()];
        cluster.spawn(slurmctld, &foreground);
        cluster.spawn(slurmd, &foreground);
        wait("a node that is idle", || {
            let run = finish(cluster.command("sinfo").args(["-h", "-o", "%T"]));
            (run.code == Some(0) && run.stdout.trim() == "idle").then_some(())
        });
        Some(cluster)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spawn(&mut self, program: &Path, args: &[String]) {
        let mut daemon = Command::new(program);
        daemon.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.daemons.push(daemon.spawn().unwrap());
    }

    /// A program of Slurm that asks this cluster.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.at("slurm.conf"));
        command
    }

    fn configuration(&self, slurmd: &Path) -> String {
        let user = output(Command::new("id").arg("-un"));
        let facts = output(Command::new(slurmd).arg("-C"));
        let fact = |name: &str| {
            let words = facts.split_whitespace().filter_map(|word| word.split_once('='));
            let mut values =
                words.filter(|(key, _)| *key == name).map(|(_, value)| value.to_string());
            values.next().unwrap()
        };
        let [node, cpus, memory] = ["NodeName", "CPUs", "RealMemory"].map(fact);
        let place = |name: &str| self.at(name).display().to_string();
        [
            "ClusterName=test".to_string(),
            format!("SlurmctldHost={node}(127.0.0.1)"),
            format!("SlurmUser={user}"),
            format!("SlurmdUser={user}"),
            "AuthType=auth/munge".to_string(),
            format!("AuthInfo=socket={}", place("munge.socket")),
            format!("SlurmctldPort={}", free_port()),
            format!("SlurmdPort={}", free_port()),
            format!("StateSaveLocation={}", place("state")),
            format!("SlurmdSpoolDir={}", place("spool")),
            format!("SlurmctldPidFile={}", place("slurmctld.pid")),
            format!("SlurmdPidFile={}", place("slurmd.pid")),
            format!("SlurmctldLogFile={}", place("slurmctld.log")),
            format!("SlurmdLogFile={}", place("slurmd.log")),
            "ProctrackType=proctrack/linuxproc".to_string(),
            "TaskPlugin=task/none".to_string(),
            "MpiDefault=none".to_string(),
            "SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0".to_string(),
            "SelectType=select/cons_tres".to_string(),
            "SelectTypeParameters=CR_CPU".to_string(),
            "KillWait=2".to_string(),
            "JobAcctGatherType=jobacct_gather/none".to_string(),
            "AccountingStorageType=accounting_storage/none".to_string(),
            format!("NodeName={node} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory}"),
            format!("PartitionName=main Nodes={node} Default=YES State=UP"),
        ]
        .join("\n")
            + "\n"
    }

    /// The facts of one task of an array, as `scontrol` shows them.
    fn task(&self, job: &str, shard: usize) -> String {
        output(self.command("scontrol").args(["show", "job", &format!("{job}_{shard}")]))
    }
}

fn skip() {
    eprintln!(
        "SKIPPED: no Slurm (Debian: slurm-wlm, munge), the job array of `batch` is not tested"
    );
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_path_buf();
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// Images with a prompt each, and one file that is none, so that a shard ends with exit code 11.
fn archive(folder: &Path) -> [PathBuf; 2] {
    let (input, prompts) = (folder.join("archive"), folder.join("prompts.jsonl"));
    fs::create_dir(&input).unwrap();
    let mut text = String::new();
    for i in 0..IMAGES {
        let name = format!("{i:03}.png");
        if i == 5 {
            fs::write(input.join(&name), "no image").unwrap();
        } else {
            fs::copy(sample_frame(), input.join(&name)).unwrap();
        }
        text += &format!("{{\"path\": \"{name}\", \"points\": [[{}, 92]]}}\n", 190 + i % 30);
    }
    fs::write(&prompts, text).unwrap();
    [input, prompts]
}

#[test]
fn eight_shards_one_of_them_requeued_give_the_bytes_of_one_run() {
    let Some(cluster) = Cluster::start() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let [input, prompts] = archive(scratch.path());
    let run = scratch.path().join("run");
    let tools = command("uniultra-tools");
    let log = scratch.path().join("log-%a.txt");
    let job = output(
        cluster
            .command("sbatch")
            .args(["--parsable", "--cpus-per-task=1", "--mem=100M", "--output"])
            .arg(&log)
            .arg(root().join("tools/batch/slurm.sbatch"))
            .envs([
                ("PROGRAM", Path::new(tools.get_program())),
                ("INPUT", &input),
                ("PROMPTS", &prompts),
                ("RUN", &run),
            ])
            .env("OPTIONS", "--masks png"),
    );

    // A shard that has begun and has not ended.
    let lines = |shard: usize| {
        let results = run.join(format!("part-{shard}/results.jsonl"));
        fs::read_to_string(results).map_or(0, |text| text.matches('\n').count())
    };
    let all = IMAGES / SHARDS;
    let shard = wait("a shard at work", || {
        let shard = (0..SHARDS).find(|&shard| (1..all - 2).contains(&lines(shard)))?;
        let name = format!("{job}_{shard}");
        let requeued = finish(cluster.command("scontrol").args(["requeue", &name]));
        (requeued.code == Some(0)).then_some(shard)
    });
    let name = format!("{job}_{shard}");
    wait("the requeued shard", || {
        cluster.task(&job, shard).contains("JobState=PENDING").then_some(())
    });
    let before = lines(shard);
    // Slurm waits for two minutes before it starts a requeued task.
    let at_once = format!("jobid={name}");
    output(cluster.command("scontrol").args(["update", &at_once, "StartTime=now"]));
    wait("the end of the array", || {
        let queue = output(cluster.command("squeue").arg("-h"));
        queue.is_empty().then_some(())
    });
    for other in 0..SHARDS {
        let facts = cluster.task(&job, other);
        let restarts = if other == shard { "Restarts=1" } else { "Restarts=0" };
        let said = fs::read_to_string(scratch.path().join(format!("log-{other}.txt")));
        assert!(
            facts.contains("JobState=COMPLETED") && facts.contains(restarts),
            "{facts}\n{said:?}"
        );
    }
    eprintln!("shard {shard} was requeued after {before} of {all} lines");

    let merged = scratch.path().join("merged");
    let mut merge = command("uniultra-tools");
    merge.arg("merge").args((0..SHARDS).map(|shard| run.join(format!("part-{shard}"))));
    finish(merge.arg("--out").arg(&merged)).fails(11, &["005.png"]);
    let whole = scratch.path().join("whole");
    let mut one = command("uniultra-tools");
    one.arg("batch").arg("--input").arg(&input).arg("--prompts").arg(&prompts);
    finish(one.arg("--out").arg(&whole)).fails(11, &["005.png"]);
    let (merged, whole) = (files(&merged), files(&whole));
    assert_eq!(merged.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (name, bytes) in &whole {
        assert!(merged.get(name) == Some(bytes), "{} differs", name.display());
    }
    let report: Value = serde_json::from_slice(&whole[Path::new("report.json")]).unwrap();
    assert_eq!((&report["done"], &report["failed"]), (&(IMAGES - 1).into(), &1.into()));
}
