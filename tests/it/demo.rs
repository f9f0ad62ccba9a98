//! `evt demo`: the tour works, even without a network.

use serde_json::Value;

use crate::support::{Output, Sandbox};

/// The commands that every tour must run.
const COMMANDS: [&str; 10] = [
    "evt dev ",
    "evt listen ",
    "evt flows create ",
    "evt records create ",
    "evt flows execute ",
    "evt send ",
    "evt events replay ",
    "evt queue list",
    "evt dev clock advance ",
    "evt dev outbox",
];

fn assert_every_step(output: &Output) {
    let lines = output.json_lines();
    let steps: Vec<&Value> = lines.iter().filter(|line| line["ok"] == true).collect();
    for wanted in COMMANDS {
        let shown = steps
            .iter()
            .any(|step| step["command"].as_str().unwrap().starts_with(wanted));
        assert!(shown, "no step shows `{wanted}`: {output}");
    }
    let summary = format!("\"steps\":{}", steps.len());
    assert!(output.stderr.contains(&summary), "{output}");
    let verified = lines.iter().filter(|line| {
        let arrived = line["arrived"].as_str().unwrap_or_default();
        arrived.contains("its signature is valid")
    });
    assert!(verified.count() >= 5, "{output}");
}

#[test]
fn the_tour_ends_with_0_and_shows_every_step() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(["demo", "-o", "json"]).expect_exit(0);
    assert_every_step(&output);
}

#[test]
fn the_tour_removes_its_files() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.work().join("temporary");
    std::fs::create_dir(&temporary).unwrap();
    let mut tour = sandbox.command(["demo"]);
    let output = tour.env("TMPDIR", &temporary).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let left: Vec<_> = std::fs::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The command that creates a network namespace, or the reason why this machine has none.
#[cfg(target_os = "linux")]
fn namespace() -> Result<Vec<&'static str>, String> {
    let mut why = String::new();
    for words in [&["unshare", "--net"][..], &["unshare", "-rn"]] {
        let tried = std::process::Command::new(words[0])
            .args(&words[1..])
            .args(["sh", "-c", "ip link set lo up"])
            .output();
        match tried {
            Ok(output) if output.status.success() => return Ok(words.to_vec()),
            Ok(output) => why = String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => why = format!("{}: {error}", words[0]),
        }
    }
    Err(format!("cannot create a network namespace: {why}"))
}

/// Skipped if the system allows no namespace. With `EVT_TEST_REQUIRE=all` that is a failure.
#[cfg(target_os = "linux")]
#[test]
fn the_tour_needs_only_loopback() {
    let words = match namespace() {
        Ok(words) => words,
        Err(why) => {
            let required = std::env::var("EVT_TEST_REQUIRE").is_ok_and(|what| what == "all");
            assert!(!required, "{why}");
            eprintln!("skipped: {why}");
            return;
        }
    };
    let sandbox = Sandbox::new();
    let tour = sandbox.command(["demo", "-o", "json"]);
    // The tour only starts if loopback is the only network interface.
    let alone = "ip link set lo up && test \"$(ip -o link | wc -l)\" = 1 && exec \"$0\" \"$@\"";
    let output = std::process::Command::new(words[0])
        .args(&words[1..])
        .args(["sh", "-c", alone])
        .arg(tour.get_program())
        .args(tour.get_args())
        .current_dir(sandbox.work())
        .env_clear()
        .envs(
            tour.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .output()
        .unwrap();
    let output = Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        exit: output.status.code(),
    };
    assert_every_step(&output.expect_exit(0));
}
