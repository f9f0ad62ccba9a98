//! What a project's `evt.toml` can do: a stranger may have written it, so it runs nothing, sends nothing and opens nothing.

use serde_json::json;

use crate::support::app::Answer;
use crate::support::{App, Sandbox};

/// A platform with records, which notes every request.
fn platform() -> App {
    let app = App::start();
    let record = json!({ "sk": "c_1", "data": { "email": "ada@example.com" }, "modifydate": "2026-04-25T10:00:00.000Z" });
    app.answer(Answer::Status(200, json!({ "data": [record] }).to_string()));
    app
}

/// A user with a token for a platform, in a project whose `evt.toml` holds `text`.
fn project(app: &App, text: &str) -> Sandbox {
    let sandbox = Sandbox::new().with("API_TOKEN", "t0ps3cret");
    let words = ["profile", "add", "prod", "--org", "my-org", "--token"];
    let url = app.url("");
    let words = words.into_iter().chain(["env:API_TOKEN", "--url", &url]);
    let _ = sandbox.run(words).expect_exit(0);
    let _ = sandbox.run(["profile", "use", "prod"]).expect_exit(0);
    sandbox.write("evt.toml", text);
    sandbox
}

/// A class of dangerous keys: the file, the command that would use it, and what the error says.
struct Class {
    text: &'static str,
    command: &'static [&'static str],
    says: &'static [&'static str],
}

const POLL: &[&str] = &["poll", "contact", "--since", "2026-01-01"];
const CLASSES: [(&str, Class); 12] = [
    (
        "runs a command",
        Class {
            text: "[poll]\nexec = \"touch ran\"\n",
            command: POLL,
            says: &[
                "evt.toml:2: ",
                "`poll.exec`",
                "it runs a command",
                "EVT_POLL_EXEC",
                "not_in_project",
            ],
        },
    ),
    (
        "runs a command for a token",
        Class {
            text: "tail.token-cmd = \"touch ran\"\n",
            command: &["tail", "strm_1"],
            says: &["evt.toml:1: ", "`tail.token-cmd`", "it runs a command"],
        },
    ),
    (
        "is a secret",
        Class {
            text: "send = { secret = \"cmd:touch ran\" }\n",
            command: &["send", "contact.created", "--to", "4871"],
            says: &[
                "evt.toml:1: ",
                "`send.secret`",
                "it is a secret",
                "secret_in_project",
            ],
        },
    ),
    (
        "refers to a secret",
        Class {
            text: "\n[tail]\nauth = \"env:API_TOKEN\"\n",
            command: &["tail", "strm_1"],
            says: &["evt.toml:3: ", "`tail.auth`", "it is a secret"],
        },
    ),
    (
        "sends a secret in a header",
        Class {
            text: "[tail]\nheader = [\"X-Stolen: env:API_TOKEN\"]\n",
            command: &["tail", "strm_1"],
            says: &["evt.toml:2: ", "`tail.header`", "what evt sends"],
        },
    ),
    (
        "confirms",
        Class {
            text: "[queue.discard]\nyes = true\n",
            command: &["queue", "discard", "--all"],
            says: &[
                "evt.toml:2: ",
                "`queue.discard.yes` can only be given as a flag",
                "evt queue discard --help",
            ],
        },
    ),
    (
        "widens access",
        Class {
            text: "[dev]\nallow-host = [\"evil.test\"]\n",
            command: &["dev", "--port", "0", "--ephemeral", "--", "touch", "ran"],
            says: &[
                "evt.toml:2: ",
                "`dev.allow-host`",
                "which clients have access",
            ],
        },
    ),
    (
        "confirms that strangers may connect",
        Class {
            text: "[listen]\ni-understand-public = true\n",
            command: &["listen", "--port", "0", "--", "touch", "ran"],
            says: &[
                "evt.toml:2: ",
                "`listen.i-understand-public` can only be given as a flag",
            ],
        },
    ),
    (
        "writes a file",
        Class {
            text: "[poll]\nout = \"ran\"\n",
            command: POLL,
            says: &["evt.toml:2: ", "`poll.out`", "it names a file or folder"],
        },
    ),
    (
        "reads a path outside the project",
        Class {
            text: "[listen]\nverify = [\"hmac:template=@../../etc/passwd\"]\n",
            command: &["listen", "--port", "0", "--", "touch", "ran"],
            says: &["evt.toml:2: ", "`listen.verify`", "options hold no file"],
        },
    ),
    (
        "uses a profile",
        Class {
            text: "default_profile = \"prod\"\n",
            command: POLL,
            says: &[
                "evt.toml:1: ",
                "the project uses the profile `prod`",
                "evt profile allow prod --folder",
            ],
        },
    ),
    (
        "sends elsewhere",
        Class {
            text: "[poll]\nforward = \"http://192.0.2.1/collect\"\n",
            command: POLL,
            says: &[
                "evt.toml:2: ",
                "`poll.forward` only to a target on this machine",
            ],
        },
    ),
];

#[test]
fn a_dangerous_key_is_refused_and_nothing_runs() {
    for (
        class,
        Class {
            text,
            command,
            says,
        },
    ) in CLASSES
    {
        let app = platform();
        let sandbox = project(&app, text);
        let output = sandbox.run(command).expect_exit(2);
        for part in says {
            assert!(output.stderr.contains(part), "{class}: {part}\n{output}");
        }
        assert!(!output.stderr.contains("t0ps3cret"), "{class}: {output}");
        assert_eq!(output.stdout, "", "{class}");
        assert_eq!(app.requests().len(), 0, "{class}");
        assert!(!sandbox.work().join("ran").exists(), "{class}");
        assert!(!sandbox.home().join("data").exists(), "{class}");
        assert!(!sandbox.home().join("state").exists(), "{class}");
    }
}

#[test]
fn a_project_defines_no_profile_and_replaces_none() {
    let (app, thief) = (platform(), App::start());
    for name in ["prod", "local", "new"] {
        let text = format!("[profile.{name}]\nurl = \"{}\"\n", thief.url(""));
        let sandbox = project(&app, &text);
        let words = ["profile", "whoami", "-p", name];
        let output = sandbox.run(words).expect_exit(2);
        assert!(
            output.stderr.contains("cannot define a profile"),
            "{output}"
        );
    }
    assert_eq!(app.requests().len() + thief.requests().len(), 0);
}

#[test]
fn an_allowed_profile_is_used_in_its_folder_until_it_is_revoked() {
    let app = platform();
    let sandbox = project(&app, "default_profile = \"prod\"\n");
    let _ = sandbox.run(["profile", "use", "local"]);
    let _ = sandbox.run(["profile", "list"]).expect_exit(2);
    let _ = sandbox.run(["profile", "allow", "prod"]).expect_exit(0);
    let listed = sandbox
        .run(["profile", "allow"])
        .expect_exit(0)
        .json_lines();
    assert_eq!(listed[0]["profile"], "prod");
    let in_use = sandbox.run(["config", "get", "default_profile"]);
    assert_eq!(in_use.expect_exit(0).stdout, "prod\n");
    // The permission is for this profile and this folder.
    sandbox.write("inner/evt.toml", "default_profile = \"prod\"\n");
    let mut inner = sandbox.command(["profile", "list"]);
    inner.current_dir(sandbox.work().join("inner"));
    assert_eq!(inner.output().unwrap().status.code(), Some(2));
    let _ = sandbox
        .run(["profile", "allow", "prod", "--revoke"])
        .expect_exit(0);
    let _ = sandbox.run(["profile", "list"]).expect_exit(2);
    let _ = sandbox
        .run(["profile", "allow", "prod", "--revoke"])
        .expect_exit(3);
}

#[test]
fn a_profile_that_does_not_exist_cannot_be_allowed() {
    let output = Sandbox::new()
        .run(["profile", "allow", "stagign"])
        .expect_exit(2);
    assert!(output.stderr.contains("code unknown_profile"), "{output}");
}

#[test]
fn the_hints_of_a_refused_key_work_when_pasted() {
    let app = platform();
    let sandbox = project(&app, "poll.exec = \"touch ran\"\noutput = \"json\"\n");
    let output = sandbox.run(POLL).expect_exit(2);
    let hints = output.stderr.lines().filter_map(|line| {
        let hint = line
            .trim_start()
            .strip_prefix("try ")
            .or(line.strip_prefix("       "))?;
        hint.trim().split("      ").next()?.strip_prefix("evt ")
    });
    let hints: Vec<&str> = hints.collect();
    assert_eq!(hints.len(), 2, "{output}");
    for hint in hints {
        let _ = sandbox.run(hint.split_whitespace()).expect_exit(0);
    }
    let _ = sandbox.run(["profile", "list"]).expect_exit(0);
}

#[test]
fn a_project_file_stays_one_when_it_is_named() {
    let app = platform();
    let sandbox = project(&app, "poll.exec = \"touch ran\"\n");
    sandbox.write("other/evt.toml", "poll.exec = \"touch ran\"\n");
    let by_flag = ["./evt.toml", "other/../evt.toml", "other/evt.toml"];
    for path in by_flag {
        let words = POLL.iter().copied().chain(["--config", path]);
        let output = sandbox.run(words).expect_exit(2);
        assert!(
            output.stderr.contains("it runs a command"),
            "{path}: {output}"
        );
    }
    let sandbox = sandbox.with("EVT_CONFIG", "other/evt.toml");
    let _ = sandbox.run(POLL).expect_exit(2);
    assert_eq!(app.requests().len(), 0);
    assert!(!sandbox.work().join("ran").exists());
}

#[cfg(unix)]
#[test]
fn a_link_to_a_project_file_is_a_project_file() {
    let app = platform();
    let sandbox = project(&app, "poll.exec = \"touch ran\"\n");
    std::os::unix::fs::symlink("evt.toml", sandbox.work().join("mine.toml")).unwrap();
    let words = POLL.iter().copied().chain(["--config", "mine.toml"]);
    let _ = sandbox.run(words).expect_exit(2);
    assert!(!sandbox.work().join("ran").exists());
}

#[test]
fn a_file_of_a_folder_above_is_checked_too() {
    let app = platform();
    let sandbox = project(&app, "poll.exec = \"touch ran\"\n");
    std::fs::create_dir_all(sandbox.work().join(".git")).unwrap();
    std::fs::create_dir_all(sandbox.work().join("src/deep")).unwrap();
    let mut command = sandbox.command(POLL);
    command.current_dir(sandbox.work().join("src/deep"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(app.requests().len(), 0);
}

#[test]
fn a_byte_order_mark_hides_no_key() {
    let app = platform();
    let sandbox = project(&app, "\u{feff}poll.exec = \"touch ran\"\n");
    let output = sandbox.run(POLL).expect_exit(2);
    assert!(output.stderr.contains("it runs a command"), "{output}");
}

#[cfg(unix)]
#[test]
fn a_fifo_in_place_of_a_settings_file_is_not_waited_for() {
    let make = |path: &std::path::Path| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    let sandbox = Sandbox::new();
    make(&sandbox.work().join("evt.toml"));
    let output = sandbox.run(["profile", "list"]).expect_exit(2);
    assert!(output.stderr.contains("not a regular file"), "{output}");
    let sandbox = Sandbox::new();
    make(&sandbox.home().join("config/config.toml"));
    let output = sandbox.run(["profile", "list"]).expect_exit(2);
    assert!(output.stderr.contains("not a regular file"), "{output}");
    let sandbox = Sandbox::new();
    make(&sandbox.home().join("config/credentials.toml"));
    let _ = sandbox.run(["profile", "logout"]).expect_exit(2);
}

#[test]
fn config_set_refuses_what_the_file_cannot_hold() {
    for (key, value) in [
        ("poll.exec", "touch ran"),
        ("listen.secret", "env:WHSEC"),
        ("poll.forward", "https://evil.test"),
        ("profile.local.url", "https://evil.test"),
        ("queue.discard.yes", "true"),
        ("token", "t"),
        ("default_profile", "prod"),
    ] {
        let app = platform();
        let sandbox = project(&app, "output = \"text\"\n");
        let words = ["config", "set", "--project", key, value];
        let _ = sandbox.run(words).expect_exit(2);
        let words = ["config", "set", "--config", "evt.toml", key, value];
        let _ = sandbox.run(words).expect_exit(2);
        let file = std::fs::read_to_string(sandbox.work().join("evt.toml")).unwrap();
        assert_eq!(file, "output = \"text\"\n", "{key}");
    }
    for key in ["queue.discard.yes", "token"] {
        let _ = Sandbox::new()
            .run(["config", "set", key, "true"])
            .expect_exit(2);
    }
}

#[test]
fn a_project_sets_what_is_harmless() {
    let app = platform();
    let text = "output = \"json\"\n[poll]\nforward = \"3000\"\npage-size = 5\nwhere = \"data.a == 1\"\n[listen]\nport = 5000\nverify = [\"stripe\"]\nroute = [\"/x=:3000/y\"]\n[tail]\nstream = \"http://127.0.0.1:1/x\"\n";
    let sandbox = project(&app, text);
    let shown = sandbox.run(["config", "show"]).expect_exit(0).json_lines();
    let is_of_the_project =
        |row: &&serde_json::Value| row["origin"].as_str().unwrap().contains("evt.toml:");
    assert_eq!(shown.iter().filter(is_of_the_project).count(), 8);
}

#[test]
fn a_confirmation_has_no_variable() {
    let sandbox = Sandbox::new().with("EVT_LISTEN_I_UNDERSTAND_PUBLIC", "true");
    let words = ["listen", "--port", "0", "--bind", "0.0.0.0", "--for", "1s"];
    let words = words
        .into_iter()
        .chain(["--verify", "stripe", "--secret", "whsec_x"]);
    let output = sandbox.run(words).expect_exit(2);
    assert!(output.stderr.contains("--i-understand-public"), "{output}");
}
