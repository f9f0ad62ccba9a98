//! `evt demo`: a tour on the real parts, in a home of its own; every step is the command that it shows.

mod explain;
mod stage;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::Context;
use crate::error::{CliError, Exit};
use stage::{Running, Stage, shown};

/// No step may take longer; all of them together take a few seconds.
const PATIENCE: Duration = Duration::from_secs(20);
/// A test key, used for nothing else.
const STRIPE_SECRET: &str = "whsec_demo_0123456789abcdef0123456789abcdef";

/// Tour everything evt does, on the real parts, offline, in a few seconds
///
/// Starts a platform and two listeners on free ports in a temporary home, creates an automation, changes a record, and follows
/// the signed delivery to the listener that verifies it; sends a vendor's event and a forged one; replays; follows streams; polls
/// with a watermark. Every line is a command that you can type. Exit 0 means that each of them really worked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt demo
  evt demo -o json | jq -c '[.command, .ok]'")]
pub(crate) struct Args {
    /// Keep the temporary home, to look around in it afterwards
    #[arg(long)]
    keep: bool,
}

/// Why a step of the tour did not work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("cannot make a temporary home")]
    Home(#[source] std::io::Error),
    #[error("cannot hold a free port")]
    Port(#[source] std::io::Error),
    #[error("cannot start `{command}`")]
    Start {
        command: String,
        source: std::io::Error,
    },
    #[error("`{command}` ended with {code}: {said}")]
    Ended {
        command: String,
        code: i32,
        said: String,
    },
    #[error("`{command}` was not done after {} s", PATIENCE.as_secs())]
    TooSlow { command: String },
    #[error("`{command}` did not show {wanted}: {said}")]
    Unexpected {
        command: String,
        wanted: &'static str,
        said: String,
    },
}

pub(crate) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
    let home = tempfile::Builder::new()
        .prefix("evt-demo-")
        .tempdir()
        .map_err(DemoError::Home)?;
    let started = Instant::now();
    let mut tour = Stage {
        cx: &cx,
        program: std::env::current_exe()?,
        home: home.path().to_owned(),
        steps: 0,
    };
    let stopped = async {
        cx.shutdown.cancelled().await;
    };
    let result = tokio::select! {
        result = tour.walk() => result,
        () = stopped => return Ok(cx.interrupted().unwrap_or(Exit::Interrupted)),
    };
    if args.keep {
        let kept = home.keep();
        cx.ui.status(&format!(
            "The home of the tour is kept: EVT_HOME={}",
            kept.display()
        ));
    }
    result?;
    let text = format!(
        "{} steps, each on the real parts, in {:.1} s. Yours: `evt dev` in one terminal, `evt listen` in another.",
        tour.steps,
        started.elapsed().as_secs_f64()
    );
    cx.ui.notice(
        "summary",
        json!({ "steps": tour.steps, "ms": started.elapsed().as_millis() as u64 }),
        &text,
    );
    Ok(Exit::Done)
}

/// The tour itself; how its commands are run is the stage's.
impl Stage<'_> {
    async fn walk(&mut self) -> Result<(), CliError> {
        let platform = self.start_platform().await?;
        let (mut inbox, hook) = self
            .start_listener(
                &["listen", "--port", "0"],
                "a listener for the platform's webhooks",
            )
            .await?;
        self.automate(&hook, &mut inbox).await?;
        self.condition(&hook, &mut inbox).await?;
        self.vendor().await?;
        self.absent_app().await?;
        self.replay(&hook, &mut inbox).await?;
        self.answer().await?;
        self.chat().await?;
        self.poll().await?;
        self.end(platform, inbox).await
    }

    async fn start_platform(&mut self) -> Result<Running, CliError> {
        let args = ["dev", "--port", "0", "--console-port", "0"];
        let begun = Instant::now();
        let mut platform = self.spawn(&args)?;
        let ready = platform.notice("ready").await?;
        let url = ready["url"].as_str().unwrap_or_default().to_owned();
        self.show(&args, begun, &format!("the platform runs on {url}"))?;
        Ok(platform)
    }

    async fn start_listener(
        &mut self,
        args: &[&str],
        what: &str,
    ) -> Result<(Running, String), CliError> {
        let begun = Instant::now();
        let mut listener = self.spawn(args)?;
        let ready = listener.notice("ready").await?;
        let url = ready["url"].as_str().unwrap_or_default().to_owned();
        self.show(args, begun, &format!("{what}, on {url}"))?;
        Ok((listener, format!("{url}/hook")))
    }

    async fn automate(&mut self, hook: &str, inbox: &mut Running) -> Result<(), CliError> {
        let args = [
            "flows",
            "create",
            "--on",
            "contact.created",
            "--webhook",
            hook,
            "--name",
            "welcome",
        ];
        self.step(
            &args,
            0,
            "an automation that sends a webhook for each new contact",
        )
        .await?;

        let args = ["records", "create", "contact", "email=ada@example.com"];
        self.step(&args, 0, "a contact was created").await?;
        self.verified(inbox, "contact.created", "ada@example.com")
            .await?;

        let args = [
            "flows",
            "execute",
            "welcome",
            "contact.email=grace@example.com",
        ];
        self.step(&args, 0, "the automation was executed by hand")
            .await?;
        self.verified(inbox, "contact.created", "grace@example.com")
            .await?;

        let args = ["flows", "runs", "welcome"];
        let said = self
            .step(&args, 0, "both runs, with each step and attempt")
            .await?;
        expect(
            &args,
            said.matches("\"completed\"").count() >= 2,
            "two completed runs",
            &said,
        )
    }

    async fn condition(&mut self, hook: &str, inbox: &mut Running) -> Result<(), CliError> {
        let when = "data.status == \"lead\"";
        let args = [
            "flows",
            "create",
            "--on",
            "contact.created",
            "--when",
            when,
            "--webhook",
            hook,
            "--name",
            "leads",
        ];
        self.step(&args, 0, "an automation that is choosy").await?;

        let args = [
            "records",
            "create",
            "contact",
            "email=alan@example.com",
            "status=customer",
        ];
        self.step(&args, 0, "a contact that is no lead").await?;
        self.verified(inbox, "contact.created", "alan@example.com")
            .await?;

        let args = ["flows", "runs", "leads"];
        let said = self
            .step(&args, 0, "why the second automation did nothing")
            .await?;
        let run: Value = serde_json::from_str(&said).unwrap_or_default();
        let reason = run["reason"].as_str().unwrap_or_default().to_owned();
        expect(
            &args,
            run["status"] == json!("skipped") && reason.contains("customer"),
            "the reason",
            &said,
        )?;
        self.arrived(&reason)
    }

    /// The delivery that the command before caused, as the listener saw it.
    async fn verified(
        &mut self,
        inbox: &mut Running,
        kind: &str,
        marked: &str,
    ) -> Result<(), CliError> {
        let event = inbox.line().await?;
        let good = event["verdict"]["ok"] == json!(true)
            && event["type"] == json!(kind)
            && event.to_string().contains(marked);
        expect(
            &["listen"],
            good,
            "the delivery, verified",
            &event.to_string(),
        )?;
        let who = event["data"]["data"]["email"]
            .as_str()
            .map_or(String::new(), |email| format!(" ({email})"));
        self.arrived(&format!("{kind} arrived, its signature is valid{who}"))
    }

    async fn vendor(&mut self) -> Result<(), CliError> {
        let args = [
            "listen",
            "--port",
            "0",
            "--verify",
            "stripe",
            "--secret",
            STRIPE_SECRET,
        ];
        let (mut listener, hook) = self
            .start_listener(&args, "a listener that wants Stripe's signature")
            .await?;
        let sample = "stripe/payment_intent.succeeded";

        let args = ["send", sample, "--to", &hook, "--secret", STRIPE_SECRET];
        self.step(&args, 0, "a payment, signed as Stripe signs it")
            .await?;
        self.verified(&mut listener, "payment_intent.succeeded", "pi_")
            .await?;

        let args = [
            "send",
            sample,
            "--to",
            &hook,
            "--secret",
            STRIPE_SECRET,
            "--tamper",
            "body",
        ];
        self.step(
            &args,
            0,
            "the same with a changed body: refused, as it should be",
        )
        .await?;
        let event = listener.line().await?;
        expect(
            &args,
            event["outcome"] == json!("rejected"),
            "a refusal",
            &event.to_string(),
        )?;
        let why = event["verdict"]["reason"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        self.arrived(&format!(
            "the forged one was kept, marked and answered 401 ({why})"
        ))?;
        listener.stop().await
    }

    /// An app that is down when its webhook comes, and gets it once it is back.
    async fn absent_app(&mut self) -> Result<(), CliError> {
        let (place, app) = absent()?;
        let what = "a listener that delivers to an app which is down";
        let (mut front, hook) = self
            .start_listener(&["listen", &app, "--port", "0", "--retry"], what)
            .await?;
        let sample = "github/ping";
        self.step(
            &["send", sample, "--to", &hook, "--secret", "unchecked"],
            0,
            "accepted with 202, and kept",
        )
        .await?;
        let event = front.line().await?;
        expect(
            &["listen"],
            event["outcome"] == json!("queued"),
            "a queued event",
            &event.to_string(),
        )?;

        let port = app.rsplit(':').next().unwrap_or_default();
        let args = [
            "listen",
            "--port",
            port,
            "--verify",
            "github",
            "--secret",
            "unchecked",
        ];
        // Linux lets the app listen beside a socket that only holds the port; elsewhere it must be free.
        let place = cfg!(target_os = "linux").then_some(place);
        let (mut app, _) = self.start_listener(&args, "the app is back").await?;
        drop(place);
        self.verified(&mut app, "ping", "zen").await?;
        front.stop().await?;
        app.stop().await
    }

    async fn replay(&mut self, hook: &str, inbox: &mut Running) -> Result<(), CliError> {
        let args = ["events", "list", "--type", "contact.*"];
        let said = self
            .step(&args, 0, "what was received, byte for byte")
            .await?;
        expect(&args, said.lines().count() >= 2, "two events", &said)?;

        let args = ["events", "replay", "e_0001", "--to", hook];
        self.step(&args, 0, "the first one again, the same bytes")
            .await?;
        self.verified(inbox, "contact.created", "ada@example.com")
            .await?;

        let args = ["queue", "list"];
        self.step(&args, 0, "every delivery with its state")
            .await
            .map(drop)
    }

    /// An AI answer, followed as it grows.
    async fn answer(&mut self) -> Result<(), CliError> {
        let args = ["tail", "--agent", "assistant", "Who is Ada?"];
        let begun = Instant::now();
        let mut tail = self.spawn(&args)?;
        let (mut pieces, mut answer) = (0, String::new());
        while let Some(event) = tail.next_line().await? {
            let data = &event["data"];
            if data["type"] == json!("chunk") {
                pieces += 1;
                answer.push_str(data["content"].as_str().unwrap_or_default());
            }
        }
        tail.ended().await?;
        self.show(&args, begun, "an AI answer, followed as it grew")?;
        expect(&args, pieces > 1, "an answer in pieces", &answer)?;
        self.arrived(&format!("{pieces} pieces: {answer}"))
    }

    /// A chat message, pushed to whoever is connected.
    async fn chat(&mut self) -> Result<(), CliError> {
        let args = [
            "tail",
            "--gateway",
            "chat",
            "--type",
            "message",
            "--count",
            "1",
        ];
        let begun = Instant::now();
        let mut tail = self.spawn(&args)?;
        tail.notice("connected").await?;
        self.show(&args, begun, "connected to the chat gateway (Socket.IO)")?;
        let push = ["dev", "push", "chat", "message", r#"{"text":"Hello Ada"}"#];
        self.step(&push, 0, "a chat message was pushed").await?;
        let event = tail.line().await?;
        let text = event["data"]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        expect(
            &args,
            text == "Hello Ada",
            "the message",
            &event.to_string(),
        )?;
        self.arrived(&format!("message arrived: {text}"))?;
        tail.ended().await
    }

    /// Records by their date of change: all of them, then the one that was changed in between.
    async fn poll(&mut self) -> Result<(), CliError> {
        let args = ["poll", "contact"];
        let said = self
            .step(&args, 0, "every contact, each once, with a watermark kept")
            .await?;
        let first = records(&said);
        let emails: Vec<&str> = first.iter().filter_map(email).collect();
        expect(
            &args,
            emails.contains(&"ada@example.com") && emails.contains(&"alan@example.com"),
            "the contacts of this tour",
            &said,
        )?;
        let changed = first
            .iter()
            .find(|record| email(record) == Some("ada@example.com"));
        let id = changed
            .and_then(|record| record["sk"].as_str())
            .unwrap_or_default();

        let update = ["records", "update", "contact", id, "status=customer"];
        self.step(&update, 0, "one of them is changed").await?;

        let said = self.step(&args, 0, "what has changed since").await?;
        let news = records(&said);
        let held = matches!(news.as_slice(), [news] if news["data"]["status"] == json!("customer") && news["sk"] == json!(id));
        expect(&args, held, "exactly the changed one", &said)?;
        self.arrived("exactly that one: ada@example.com is a customer now")
    }

    async fn end(&mut self, platform: Running, inbox: Running) -> Result<(), CliError> {
        self.step(
            &["dev", "stop"],
            0,
            "the platform has stopped; what it knows is kept",
        )
        .await?;
        platform.ended().await?;
        inbox.stop().await
    }
}

/// A port of loopback on which nothing listens, and a socket that keeps it from everyone who asks for any free one.
fn absent() -> Result<(TcpSocket, String), DemoError> {
    let socket = TcpSocket::new_v4().map_err(DemoError::Port)?;
    socket.set_reuseaddr(true).map_err(DemoError::Port)?;
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .map_err(DemoError::Port)?;
    let address = socket.local_addr().map_err(DemoError::Port)?;
    Ok((socket, address.to_string()))
}

/// The records on the lines of an output.
fn records(said: &str) -> Vec<Value> {
    said.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn email(record: &Value) -> Option<&str> {
    record["data"]["email"].as_str()
}

fn expect(args: &[&str], held: bool, wanted: &'static str, said: &str) -> Result<(), CliError> {
    if held {
        return Ok(());
    }
    Err(DemoError::Unexpected {
        command: shown(args),
        wanted,
        said: said.to_owned(),
    }
    .into())
}
