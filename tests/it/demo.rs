//! `evt demo`: the tour really works, also where there is no network.

use serde_json::Value;

use crate::support::{Output, Sandbox};

/// What every tour must have shown, by the command that shows it.
const SHOWN: [&str; 8] = [
    "evt dev ",
    "evt listen ",
    "evt flows create ",
    "evt records create ",
    "evt flows execute ",
    "evt send ",
    "evt events replay ",
    "evt queue list",
];

fn every_step_was_shown(output: &Output) {
    let lines = output.json_lines();
    let steps: Vec<&Value> = lines.iter().filter(|line| line["ok"] == true).collect();
    for wanted in SHOWN {
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
    every_step_was_shown(&output);
}

#[test]
fn the_tour_leaves_nothing_behind() {
    let sandbox = Sandbox::new();
    let places = sandbox.work().join("places");
    std::fs::create_dir(&places).unwrap();
    let mut tour = sandbox.command(["demo"]);
    let output = tour.env("TMPDIR", &places).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let left: Vec<_> = std::fs::read_dir(&places).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The words before a shell that make a network namespace, or why there are none here.
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
    Err(format!("no network namespace can be made here: {why}"))
}

/// Says so where the system makes no namespace; with `EVT_TEST_REQUIRE=all` that is a failure.
#[cfg(target_os = "linux")]
#[test]
fn the_tour_works_where_there_is_only_loopback() {
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
    // One link, loopback, or the tour is not begun.
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
    every_step_was_shown(&output.expect_exit(0));
}
