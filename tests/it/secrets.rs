//! No message contains a secret: values are planted in every flag and argument that takes a URL, a header, a secret or a target.
//!
//! The flags are those of the help pages, which clap derives from its own definition, so a new flag is covered.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::support::Sandbox;

/// A value that appears nowhere else. Its encodings differ from it.
const PLANTED: &str = "hunter2~Sw0rdf1sh?";

/// What the values of a flag are, by the name of the value in the help.
const KINDS: [(&str, &[&str]); 10] = [
    ("URL", URLS),
    ("[PATH=]URL", URLS),
    ("TARGET", URLS),
    ("SOURCE", URLS),
    ("HOST", URLS),
    ("GLOB=TARGET", ROUTES),
    ("REF", SECRETS),
    ("JSON|REF", SECRETS),
    ("NAME: VALUE", HEADERS),
    ("SCHEME[:key=value,…]", SCHEMES),
];

const URLS: &[&str] = &[
    "http://me:PLAIN@127.0.0.1:1/",
    "http://me:PLAIN@127.0.0.1:x/",
    "http:/me:PLAIN@127.0.0.1:1",
    "me:PLAIN@127.0.0.1:1",
    "ftp://me:PLAIN@127.0.0.1/",
    "http://127.0.0.1:1/?access_token=ENCODED",
    "http://127.0.0.1:x/?access_token=ENCODED",
    "ws://127.0.0.1:1/?api_key=ENCODED&a=b c",
    "127.0.0.1:1/hook?x=1&client_secret=ENCODED",
];
const ROUTES: &[&str] = &[
    "/a*=http://me:PLAIN@127.0.0.1:1/",
    "/a*=http://127.0.0.1:1/?token=ENCODED",
    "me:PLAIN@127.0.0.1:1",
];
const SECRETS: &[&str] = &["PLAIN", "whsec_PLAIN", "{\"token\":\"PLAIN\""];
const HEADERS: &[&str] = &[
    "Authorization Bearer PLAIN",
    "Authorization Basic me:PLAIN",
    "Authorization: Bearer PLAIN",
    "Authorization: Bearer PLAIN\u{7}",
    "PLAIN",
];
const SCHEMES: &[&str] = &[
    "github:PLAIN",
    "github:BASE64",
    "github:secret=PLAIN",
    "hmac:secret=PLAIN,x",
];

/// What a command needs to get beyond its arguments, and to end soon.
const REST: [(&str, &[&str]); 11] = [
    (
        "dev",
        &[
            "--ephemeral",
            "--port",
            "0",
            "--console-port",
            "0",
            "--",
            "true",
        ],
    ),
    ("listen", &["--port", "0", "--for", "1ms"]),
    ("tail", &["--for", "1ms", "--max-retries", "0"]),
    ("poll", &["contact"]),
    (
        "send",
        &["stripe/payment_intent.succeeded", "--timeout", "1s"],
    ),
    ("events replay", &["@last", "--timeout", "1s"]),
    ("events verify", &["@last"]),
    ("events export", &["@last", "--format", "ndjson"]),
    ("flows create", &["--on", "contact.created"]),
    ("profile add", &["name", "--org", "o", "--app-id", "app"]),
    ("records list", &["contact"]),
];

/// The commands whose stdout is what was asked for, with the secret: a request, a document.
fn is_data(command: &str) -> bool {
    matches!(command, "events export")
}

/// Flags and arguments of a command, with the name of their value: `("--to", "TARGET")`, `("", "SOURCE")`.
fn values(help: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in help.lines().map(str::trim_start) {
        let (flag, rest) = match line.strip_prefix('-') {
            // `-H, --header <NAME: VALUE>`
            Some(_) => match line.find("--") {
                Some(at) => line[at..].split_once(' ').unwrap_or((&line[at..], "")),
                None => continue,
            },
            None => ("", line),
        };
        let name = rest
            .trim_start_matches('[')
            .trim_start_matches('<')
            .split(['>'])
            .next()
            .unwrap_or_default();
        let is_argument = line.starts_with(['[', '<']);
        let name = match is_argument {
            true => name.split(']').next().unwrap_or_default(),
            false => name,
        };
        // An argument REF is the reference of an event.
        let is_event = is_argument && name == "REF";
        if (is_argument || !flag.is_empty())
            && !is_event
            && KINDS.iter().any(|(kind, _)| *kind == name)
        {
            found.push((flag.to_owned(), name.to_owned()));
        }
    }
    found
}

fn commands(sandbox: &Sandbox) -> Vec<(String, String)> {
    let mut waiting = vec![String::new()];
    let mut all = Vec::new();
    while let Some(command) = waiting.pop() {
        let words = command.split(' ').filter(|word| !word.is_empty());
        let help = sandbox.run(words.chain(["--help"])).expect_exit(0).stdout;
        let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
        let is_name = |line: &&str| !line.starts_with("   ");
        let lines = list.lines().take_while(|line| line.starts_with("  "));
        for line in lines.filter(is_name) {
            let name = line.split_whitespace().next().unwrap_or_default();
            waiting.push(format!("{command} {name}").trim().to_owned());
        }
        all.push((command, help));
    }
    all
}

fn planted(pattern: &str) -> String {
    let encoded = PLANTED.replace('~', "%7E").replace('?', "%3F");
    pattern
        .replace("PLAIN", PLANTED)
        .replace("ENCODED", &encoded)
        .replace("BASE64", &STANDARD.encode(PLANTED))
}

/// The forms in which a secret could be printed.
fn forms() -> Vec<String> {
    vec![
        PLANTED.to_owned(),
        // The part that no encoding changes.
        "Sw0rdf1sh".to_owned(),
        STANDARD.encode(PLANTED).trim_end_matches('=').to_owned(),
        URL_SAFE_NO_PAD.encode(PLANTED),
    ]
}

/// The command lines to try.
fn lines(sandbox: &Sandbox) -> Vec<(bool, Vec<String>)> {
    let mut lines = Vec::new();
    for (command, help) in commands(sandbox) {
        let rest = REST.iter().find(|(name, _)| *name == command);
        let rest = rest.map_or(&[][..], |(_, rest)| rest);
        for (flag, kind) in values(&help) {
            // The global flags are the same for every command, so a few commands are enough.
            let is_global = flag == "--url" || flag == "--token";
            if is_global && !["", "config show", "profile add"].contains(&command.as_str()) {
                continue;
            }
            let (_, patterns) = KINDS.iter().find(|(name, _)| *name == kind).unwrap();
            for pattern in *patterns {
                let words = if command.is_empty() {
                    "flows list"
                } else {
                    &command
                };
                let mut line: Vec<String> = words.split(' ').map(str::to_owned).collect();
                line.push(match flag.as_str() {
                    "" => planted(pattern),
                    flag => format!("{flag}={}", planted(pattern)),
                });
                line.extend(rest.iter().map(|word| (*word).to_owned()));
                lines.push((is_data(&command), line));
            }
        }
    }
    lines
}

#[test]
fn no_message_contains_a_secret_that_was_given_to_a_flag() {
    let sandbox = Sandbox::new();
    let lines = lines(&sandbox);
    assert!(
        lines.len() > 150,
        "only {} values were planted",
        lines.len()
    );
    let next = AtomicUsize::new(0);
    let leaks = Mutex::new(Vec::new());
    let work = || {
        while let Some((is_data, line)) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (stdout, stderr) = ended(&sandbox, line);
            let text = match is_data {
                true => stderr,
                false => stdout + &stderr,
            };
            if forms().iter().any(|form| text.contains(form)) {
                let leak = format!("evt {}\n{text}", line.join(" "));
                leaks.lock().unwrap().push(leak);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let leaks = leaks.into_inner().unwrap();
    assert!(
        leaks.is_empty(),
        "{} of {}:\n{}",
        leaks.len(),
        lines.len(),
        leaks.join("\n")
    );
}

/// Stdout and stderr of a command, which is interrupted if it does not end by itself.
fn ended(sandbox: &Sandbox, args: &[String]) -> (String, String) {
    let mut child = sandbox.command(args).spawn().expect("the binary starts");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        if is_done.recv_timeout(Duration::from_secs(5)).is_err() {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
    });
    let output = {
        let mut stdout = child.stdout.take().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = std::io::Read::read_to_string(&mut stderr, &mut text);
            text
        });
        let mut text = String::new();
        let _ = std::io::Read::read_to_string(&mut stdout, &mut text);
        (text, reader.join().unwrap())
    };
    let _ = child.wait();
    let _ = done.send(());
    let _ = watch.join();
    output
}
