//! No message contains a secret: values are planted in every flag and argument that takes a URL, a header, a secret or a target.
//!
//! The flags are those of the help pages, which clap derives from its own definition, so a new flag is covered.

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
const REST: [(&str, &[&str]); 10] = [
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
    ("profile add", &["name", "--org", "o"]),
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

#[test]
fn no_message_contains_a_secret_that_was_given_to_a_flag() {
    let sandbox = Sandbox::new();
    let mut leaks = Vec::new();
    let mut tried = 0;
    for (command, help) in commands(&sandbox) {
        for (flag, kind) in values(&help) {
            let (_, patterns) = KINDS.iter().find(|(name, _)| *name == kind).unwrap();
            for pattern in *patterns {
                let value = planted(pattern);
                let mut args: Vec<String> = command.split(' ').map(str::to_owned).collect();
                args.retain(|word| !word.is_empty());
                let rest = REST.iter().find(|(name, _)| *name == command);
                let rest = rest.map_or(&[][..], |(_, rest)| rest);
                args.extend(rest.iter().map(|word| (*word).to_owned()));
                if flag.is_empty() {
                    args.push(value);
                } else {
                    args.push(format!("{flag}={value}"));
                }
                // Global flags need a command.
                if command.is_empty() {
                    args.splice(0..0, ["flows".to_owned(), "list".to_owned()]);
                }
                tried += 1;
                let output = ended(&sandbox, &args);
                let text = match is_data(&command) {
                    true => output.1,
                    false => output.0 + &output.1,
                };
                if forms().iter().any(|form| text.contains(form)) {
                    leaks.push(format!("evt {}\n{text}", args.join(" ")));
                }
            }
        }
    }
    assert!(tried > 150, "only {tried} values were planted");
    assert!(
        leaks.is_empty(),
        "{} of {tried}:\n{}",
        leaks.len(),
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
    // `listen` and `tail` print to pipes that are small enough to read afterwards.
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
