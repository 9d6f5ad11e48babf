//! The files for Slurm and Kubernetes, as far as they can be checked without either.

use std::fs;
use uniultra_tests::cli::{finish, root};
use yaml_rust2::{Yaml, YamlLoader};

fn text(name: &str) -> String {
    fs::read_to_string(root().join("tools/batch").join(name)).unwrap()
}

/// The documents of the Kubernetes file; with `merge`, its second Job is no comment any more.
fn documents(merge: bool) -> Vec<Yaml> {
    let mut text = text("kubernetes.yaml");
    if merge {
        let (job, rest) = text.split_once("# ---\n").unwrap();
        let rest: String = rest.lines().map(|line| line[2..].to_string() + "\n").collect();
        text = format!("{job}---\n{rest}");
    }
    YamlLoader::load_from_str(&text).unwrap()
}

#[test]
fn the_kubernetes_job_is_indexed() {
    let documents = documents(false);
    let [job] = &documents[..] else { panic!("{documents:?}") };
    assert_eq!((job["apiVersion"].as_str(), job["kind"].as_str()), (Some("batch/v1"), Some("Job")));
    let spec = &job["spec"];
    assert_eq!(spec["completionMode"].as_str(), Some("Indexed"));
    let completions = spec["completions"].as_i64().unwrap();
    assert!(spec["parallelism"].as_i64().is_some() && spec["backoffLimit"].as_i64().is_some());
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"].as_str(), Some("OnFailure"));
    let container = &pod["containers"][0];
    // No registry: the user names the image.
    assert_eq!(container["image"].as_str(), Some("SET-YOUR-IMAGE"));
    let variable = |name: &str| {
        let variables = container["env"].as_vec().unwrap();
        variables.iter().find(|variable| variable["name"].as_str() == Some(name)).unwrap()
    };
    assert_eq!(variable("SHARDS")["value"].as_str(), Some(completions.to_string().as_str()));
    let field = &variable("SHARD")["valueFrom"]["fieldRef"]["fieldPath"];
    let index = "metadata.annotations['batch.kubernetes.io/job-completion-index']";
    assert_eq!(field.as_str(), Some(index));
    let script = container["args"][0].as_str().unwrap();
    assert!(script.contains("--shard \"$SHARD/$SHARDS\"") && script.contains("-eq 11"), "{script}");
    // Every mounted volume is there.
    let volumes: Vec<_> =
        pod["volumes"].as_vec().unwrap().iter().map(|v| v["name"].as_str()).collect();
    for mount in container["volumeMounts"].as_vec().unwrap() {
        assert!(volumes.contains(&mount["name"].as_str()), "{mount:?}");
    }
}

#[test]
fn the_job_that_merges_is_valid_without_its_comment_signs() {
    let documents = documents(true);
    let [_, merge] = &documents[..] else { panic!("{documents:?}") };
    assert_eq!(merge["kind"].as_str(), Some("Job"));
    let command = &merge["spec"]["template"]["spec"]["containers"][0]["command"];
    assert!(command[2].as_str().unwrap().contains("uniultra-tools merge"), "{command:?}");
}

#[test]
fn the_script_of_the_pod_is_what_a_shell_takes() {
    let documents = documents(false);
    let script = &documents[0]["spec"]["template"]["spec"]["containers"][0]["args"][0];
    for script in [script.as_str().unwrap(), &text("slurm.sbatch")] {
        let run = finish(std::process::Command::new("bash").args(["-n", "-c", script]));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{script}");
    }
}

#[test]
fn the_slurm_file_asks_for_an_array_that_is_requeued() {
    let text = text("slurm.sbatch");
    assert!(text.starts_with("#!/bin/bash\n"));
    for option in ["--array=0-7", "--requeue", "--open-mode=append", "--cpus-per-task="] {
        let asked = text.lines().any(|line| line.starts_with(&format!("#SBATCH {option}")));
        assert!(asked, "{option}");
    }
}
