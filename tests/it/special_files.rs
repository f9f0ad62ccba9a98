//! A FIFO or folder in place of a file that evt opens is refused with its path. Opening a FIFO would wait for its writer.

#![cfg(unix)]

use std::path::Path;
use std::process::Command;

use crate::support::Sandbox;

/// A file below the sandbox, and a command that opens it.
struct Case {
    file: &'static str,
    command: &'static [&'static str],
}

const DEV: &[&str] = &["dev", "--port", "0"];

const CASES: [Case; 18] = [
    Case {
        file: "work/evt.toml",
        command: &["profile", "list"],
    },
    Case {
        file: "home/config/config.toml",
        command: &["profile", "list"],
    },
    Case {
        file: "home/config/credentials.toml",
        command: &["profile", "logout"],
    },
    Case {
        file: "home/config/allowed-profiles.toml",
        command: &["profile", "allow"],
    },
    Case {
        file: "home/state/dev.json",
        command: &["records", "list", "contact"],
    },
    Case {
        file: "home/state/dev.json",
        command: &["dev", "status"],
    },
    Case {
        file: "home/state/dev.staging.json",
        command: &["-p", "staging", "flows", "list"],
    },
    Case {
        file: "home/data/inbox.db",
        command: &["events", "list"],
    },
    Case {
        file: "home/data/inbox.db",
        command: &["doctor"],
    },
    Case {
        file: "home/data/dev/platform.db",
        command: DEV,
    },
    Case {
        file: "home/data/dev/dev.lock",
        command: DEV,
    },
    Case {
        file: "home/state/tails/x.lock",
        command: &[
            "tail",
            "http://127.0.0.1:1/",
            "--resume",
            "x",
            "--no-reconnect",
        ],
    },
    Case {
        file: "work/seed.yaml",
        command: &["dev", "--port", "0", "--ephemeral", "--seed", "seed.yaml"],
    },
    Case {
        file: "work/body.json",
        command: &["send", "@body.json", "--to", "127.0.0.1:1"],
    },
    Case {
        file: "work/key",
        command: &[
            "send",
            "contact.created",
            "--sign",
            "github",
            "--secret",
            "file:key",
            "--to",
            "127.0.0.1:1",
        ],
    },
    Case {
        file: "work/events.ndjson",
        command: &["events", "import", "events.ndjson"],
    },
    Case {
        file: "work/flow.yaml",
        command: &[
            "flows",
            "create",
            "--dry-run",
            "-f",
            "flow.yaml",
            "--url",
            "http://127.0.0.1:1",
            "--org",
            "o",
        ],
    },
    Case {
        file: "work/state.json",
        command: &["poll", "state", "set", "contact", "state.json"],
    },
];

fn refused(case: &Case, kind: &str, make: impl Fn(&Path)) {
    let sandbox = Sandbox::new();
    let path = sandbox.work().parent().unwrap().join(case.file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    make(&path);
    // A command that waits is ended after a minute.
    let output = sandbox.spawn(case.command).finish();
    assert!(
        !matches!(output.exit, None | Some(0)),
        "{:?}: {output}",
        case.command
    );
    let name = path.file_name().unwrap().to_str().unwrap();
    let all = format!("{}{}", output.stdout, output.stderr);
    for expected in [name, kind] {
        assert!(
            all.contains(expected),
            "{:?} {expected}: {output}",
            case.command
        );
    }
}

#[test]
fn a_fifo_is_refused_with_its_path() {
    for case in &CASES {
        refused(case, "a FIFO", |path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        });
    }
}

#[test]
fn a_folder_is_refused_with_its_path() {
    for case in &CASES {
        refused(case, "a folder", |path| std::fs::create_dir(path).unwrap());
    }
}

#[test]
fn a_fifo_in_place_of_a_polling_state_is_refused() {
    for end in ["lock", "db"] {
        let sandbox = Sandbox::new();
        let folder = sandbox.home().join("state/poll");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("local.contact.{end}"));
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        let variables = ["--url", "http://127.0.0.1:1", "--org", "o"];
        let args = ["poll", "contact", "--since", "2026-01-01"];
        let output = sandbox.spawn(args.into_iter().chain(variables)).finish();
        assert!(output.stderr.contains("a FIFO"), "{output}");
        assert!(output.stderr.contains("local.contact"), "{output}");
        let _ = sandbox.spawn(["poll", "state", "list"]).finish();
    }
}

#[test]
fn a_pipe_that_the_shell_has_connected_is_read() {
    let sandbox = Sandbox::new();
    let script =
        "printf '{\"a\":1}' | \"$0\" send @/dev/stdin --to http://127.0.0.1:1 --dry-run -o raw";
    let shell = sandbox.command([""; 0]);
    let program = shell.get_program().to_owned();
    let mut by_shell = Command::new("sh");
    by_shell
        .args(["-c", script])
        .arg(program)
        .current_dir(sandbox.work());
    by_shell.envs(
        shell
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = by_shell.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("{\"a\":1}"), "{output:?}");
}

#[test]
fn a_damaged_database_is_named_also_by_an_error_of_a_statement() {
    let sandbox = Sandbox::new();
    let _ = sandbox.run(["send", "contact.created", "--to", "127.0.0.1:1"]);
    let path = sandbox.home().join("data/inbox.db");
    let mut bytes = std::fs::read(&path).unwrap();
    // The header and the schema stay readable, so that only a later statement finds the damage.
    let page = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
    bytes[page..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    let output = sandbox.run(["events", "list"]);
    assert_ne!(output.exit, Some(0), "{output}");
    assert!(output.stderr.contains("inbox.db"), "{output}");
}
