//! A full disk: the commands that delete still work. Each test fills its own small file system, mounted in a user
//! namespace; where the system allows none, the test reports that and does nothing.

use super::*;

/// Runs a script in which `$DATA` is a file system of 24 MiB, and returns its output; `None` if it cannot be mounted.
fn on_small_disk(sandbox: &Sandbox, script: &str) -> Option<Output> {
    let data = sandbox.home().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=24m,mode=700 tmpfs '{}' || exit 99\nfill() {{ dd if=/dev/zero of=\"$DATA/$1\" bs=4096 2>/dev/null; }}\n{script}",
        data.display()
    );
    let evt = std::path::Path::new(env!("CARGO_BIN_EXE_evt"));
    let path = format!(
        "{}:{}",
        evt.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let child = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", &mount])
        .current_dir(sandbox.work())
        .env_clear()
        .env("TZ", "UTC")
        .env("PATH", path)
        .env("EVT_HOME", sandbox.home())
        .env("HOME", sandbox.home())
        .env("DATA", &data)
        .output();
    let output = match child {
        Ok(output) if output.status.code() != Some(99) && output.status.code() != Some(1) => output,
        other => {
            eprintln!("skipped: no file system can be mounted here ({other:?})");
            return None;
        }
    };
    Some(Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        exit: output.status.code(),
    })
}

/// Writes `count` exported events of 10 kB.
fn write_events(sandbox: &Sandbox, name: &str, count: usize) {
    let body = "x".repeat(10_000);
    let lines: Vec<String> = (0..count)
        .map(|n| line(name, "kept", &format!("{n} {body}")))
        .collect();
    sandbox.write(name, lines.join("\n"));
}

#[test]
fn events_are_pruned_on_a_disk_that_another_program_filled() {
    let sandbox = Sandbox::new();
    write_events(&sandbox, "many.ndjson", 600);
    write_events(&sandbox, "one.ndjson", 1);
    let script = "
        evt events import many.ndjson -q >/dev/null || exit 2
        fill filler
        evt events import one.ndjson >/dev/null 2>full.txt && exit 3
        grep -q disk_full full.txt || { cat full.txt; exit 4; }
        evt doctor -o json | grep 'evt events prune' >/dev/null || exit 5
        evt events prune --all --yes || exit 6
        evt events import one.ndjson >/dev/null || exit 7
        evt events list || exit 8
        exit 50";
    let Some(output) = on_small_disk(&sandbox, script) else {
        return;
    };
    let output = output.expect_exit(50);
    assert!(output.stdout.contains("\"removed\":600"), "{output}");
    assert!(output.stdout.contains("e_0259"), "{output}");
}

#[test]
fn events_are_pruned_on_a_disk_that_they_filled() {
    let sandbox = Sandbox::new();
    write_events(&sandbox, "many.ndjson", 4_000);
    write_events(&sandbox, "one.ndjson", 1);
    let script = "
        evt events import many.ndjson >/dev/null 2>full.txt && exit 2
        grep -q disk_full full.txt || { cat full.txt; exit 3; }
        evt events prune --max-size 1MB --yes || exit 4
        used=$(du -k \"$DATA\"/inbox.db | cut -f1)
        [ \"$used\" -lt 3000 ] || { echo \"$used\"; exit 5; }
        evt events import one.ndjson >/dev/null || exit 6
        exit 50";
    let Some(output) = on_small_disk(&sandbox, script) else {
        return;
    };
    let _ = output.expect_exit(50);
}

#[test]
fn jobs_are_discarded_on_a_full_disk() {
    let sandbox = Sandbox::new();
    let script = "
        evt listen 127.0.0.1:9 --port 0 --retry=100 -o json >out.txt 2>ready.txt & listener=$!
        until grep -q ready ready.txt; do sleep 0.05; done
        url=$(grep -o 'http://127.0.0.1:[0-9]*' ready.txt | head -1)
        evt send contact.created --sign none --to \"$url/hook\" >/dev/null || exit 2
        kill $listener; wait $listener
        evt queue list --limit 9 -o json | grep -q waiting || exit 3
        fill filler
        evt queue discard --all --yes || exit 4
        exit 50";
    let Some(output) = on_small_disk(&sandbox, script) else {
        return;
    };
    let output = output.expect_exit(50);
    assert!(output.stdout.contains("\"done\":1"), "{output}");
}

#[test]
fn the_platform_is_reset_on_a_full_disk() {
    let sandbox = Sandbox::new();
    let script = "
        evt dev --port 0 --console-port 0 -o json >out.txt 2>ready.txt & platform=$!
        until grep -q ready ready.txt; do sleep 0.05; done
        evt records create contact email=ada@example.com >/dev/null || exit 2
        fill filler
        evt records create contact email=eve@example.com >/dev/null 2>&1 && exit 3
        evt dev reset --yes || exit 4
        evt records create contact email=eve@example.com >/dev/null || exit 5
        kill $platform; wait $platform
        exit 50";
    let Some(output) = on_small_disk(&sandbox, script) else {
        return;
    };
    let _ = output.expect_exit(50);
}
