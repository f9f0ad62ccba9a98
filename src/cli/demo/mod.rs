//! `evt demo`: a tour that runs real commands in a temporary home and prints each of them.

mod stage;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::Context;
use crate::error::{CliError, Exit};
use crate::explain::{Explain, Explanation};
use stage::{Running, Stage};

/// The time limit of a step. All steps together take a few seconds.
const TIMEOUT: Duration = Duration::from_secs(20);
/// A key that only the tour uses.
const STRIPE_SECRET: &str = "whsec_demo_0123456789abcdef0123456789abcdef";

/// Show what evt does, with real commands, offline, in a few seconds
///
/// Starts a platform and two listeners on free ports in a temporary home. Creates an automation, changes a record, and follows
/// the signed delivery to the listener that verifies it. Sends a vendor's event and a forged one, replays, follows streams, polls with
/// a watermark, and advances the platform's clock to the end of a wait. Every step is a command that you can type. Exit 0 means that all of them worked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  evt demo
  evt demo -o json | jq -c '[.command, .ok]'")]
pub(crate) struct Args {
    /// Keep the temporary home, to inspect it afterwards
    #[arg(long)]
    keep: bool,
}

/// Why a step of the tour failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("cannot create a temporary home")]
    Home(#[source] std::io::Error),
    #[error("cannot reserve a free port")]
    Port(#[source] std::io::Error),
    #[error("cannot start `{command}`")]
    Start {
        command: String,
        source: std::io::Error,
    },
    #[error("`{command}` exited with {code}: {output}")]
    Ended {
        command: String,
        code: i32,
        output: String,
    },
    #[error("`{command}` was not finished after {} s", TIMEOUT.as_secs())]
    TooSlow { command: String },
    #[error("`{command}` did not print {wanted}: {output}")]
    Unexpected {
        command: String,
        wanted: &'static str,
        output: String,
    },
}

impl Explain for DemoError {
    fn explain(&self) -> Explanation {
        match self {
            Self::Home(_) => {
                Explanation::failed("no_temporary_folder").hint("TMPDIR=/path/to/a/folder evt demo")
            }
            Self::Start { .. } => Explanation::failed("demo_start").hint("evt doctor"),
            Self::Port(_) => Explanation::failed("no_free_port").hint("evt doctor"),
            Self::Ended { .. } | Self::TooSlow { .. } | Self::Unexpected { .. } => {
                Explanation::failed("demo_step")
                    .hint("evt demo --keep     keeps the home of the tour for inspection")
            }
        }
    }
}

/// Runs the tour.
pub(super) async fn run(args: Args, cx: Arc<Context>) -> Result<Exit, CliError> {
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
            "the home of the tour: EVT_HOME={}",
            kept.display()
        ));
    }
    result?;
    let text = format!(
        "{} steps in {:.1} s, all with real commands. Next: `evt dev` in one terminal, `evt listen` in another",
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

/// The steps of the tour.
impl Stage<'_> {
    async fn walk(&mut self) -> Result<(), CliError> {
        let platform = self.start_platform().await?;
        let (mut inbox, hook) = self
            .start_listener("listen --port 0", "a listener for the platform's webhooks")
            .await?;
        self.automate(&hook, &mut inbox).await?;
        self.condition(&hook, &mut inbox).await?;
        self.vendor().await?;
        self.absent_app().await?;
        self.replay(&hook, &mut inbox).await?;
        self.answer().await?;
        self.chat().await?;
        self.poll().await?;
        self.time(&mut inbox).await?;
        self.end(platform, inbox).await
    }

    async fn start_platform(&mut self) -> Result<Running, CliError> {
        let command = "dev --port 0 --console-port 0";
        let begun = Instant::now();
        let mut platform = self.spawn(command)?;
        let ready = platform.notice("ready").await?;
        let url = text(&ready["url"]);
        self.show(command, begun, &format!("the platform runs on {url}"))?;
        Ok(platform)
    }

    async fn start_listener(
        &mut self,
        command: &str,
        what: &str,
    ) -> Result<(Running, String), CliError> {
        let begun = Instant::now();
        let mut listener = self.spawn(command)?;
        let ready = listener.notice("ready").await?;
        let url = text(&ready["url"]);
        self.show(command, begun, &format!("{what}, on {url}"))?;
        Ok((listener, format!("{url}/hook")))
    }

    async fn automate(&mut self, hook: &str, inbox: &mut Running) -> Result<(), CliError> {
        let create = format!("flows create --on contact.created --webhook {hook} --name welcome");
        self.step(
            &create,
            "an automation that sends a webhook for each new contact",
        )
        .await?;

        let create = "records create contact email=ada@example.com";
        self.step(create, "a contact is created").await?;
        self.verified(inbox, "contact.created", "ada@example.com")
            .await?;

        let execute = "flows execute welcome contact.email=grace@example.com";
        self.step(execute, "the automation is executed by hand")
            .await?;
        self.verified(inbox, "contact.created", "grace@example.com")
            .await?;

        let runs = "flows runs welcome";
        let output = self
            .step(runs, "both runs, with each step and attempt")
            .await?;
        let completed = output.matches("\"completed\"").count();
        expect(runs, completed >= 2, "two completed runs", &output)
    }

    async fn condition(&mut self, hook: &str, inbox: &mut Running) -> Result<(), CliError> {
        let create = format!(
            "flows create --on contact.created --when 'data.status == \"lead\"' --webhook {hook} --name leads"
        );
        self.step(&create, "an automation with a condition").await?;

        let create = "records create contact email=alan@example.com status=customer";
        self.step(create, "a contact that does not meet it").await?;
        self.verified(inbox, "contact.created", "alan@example.com")
            .await?;

        let runs = "flows runs leads";
        let output = self
            .step(runs, "why the second automation did nothing")
            .await?;
        let run: Value = serde_json::from_str(&output).unwrap_or_default();
        let reason = text(&run["reason"]);
        let is_skipped = run["status"] == json!("skipped") && reason.contains("customer");
        expect(runs, is_skipped, "the reason", &output)?;
        self.arrived(&reason)
    }

    /// Waits for the delivery that the previous command caused, and checks it.
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
        expect("listen", good, "the verified delivery", &event.to_string())?;
        let email = event["data"]["data"]["email"].as_str();
        let email = email.map_or(String::new(), |email| format!(" ({email})"));
        self.arrived(&format!("{kind} arrived, its signature is valid{email}"))
    }

    async fn vendor(&mut self) -> Result<(), CliError> {
        let listen = format!("listen --port 0 --verify stripe --secret {STRIPE_SECRET}");
        let (mut listener, hook) = self
            .start_listener(&listen, "a listener that verifies Stripe's signature")
            .await?;

        let send =
            format!("send stripe/payment_intent.succeeded --to {hook} --secret {STRIPE_SECRET}");
        self.step(&send, "a payment, signed as Stripe signs it")
            .await?;
        self.verified(&mut listener, "payment_intent.succeeded", "pi_")
            .await?;

        let tamper = format!("{send} --tamper body");
        self.step(&tamper, "the same with a changed body: correctly refused")
            .await?;
        let event = listener.line().await?;
        let is_rejected = event["outcome"] == json!("rejected");
        expect(&tamper, is_rejected, "a refusal", &event.to_string())?;
        let reason = text(&event["verdict"]["reason"]);
        self.arrived(&format!(
            "the forged event is stored, marked and answered 401 ({reason})"
        ))?;
        listener.stop().await
    }

    /// An app that is down when its webhook arrives, and gets it once it is back.
    async fn absent_app(&mut self) -> Result<(), CliError> {
        let (reserved, app) = reserve_port()?;
        let listen = format!("listen {app} --port 0 --retry");
        let (mut front, hook) = self
            .start_listener(&listen, "a listener that delivers to an app that is down")
            .await?;
        let send = format!("send github/ping --to {hook} --secret unchecked");
        self.step(&send, "accepted with 202, and stored").await?;
        let event = front.line().await?;
        let is_queued = event["outcome"] == json!("queued");
        expect("listen", is_queued, "a queued event", &event.to_string())?;

        let port = app.rsplit(':').next().unwrap_or_default();
        let listen = format!("listen --port {port} --verify github --secret unchecked");
        // On Linux the app can listen while another socket is bound to the port; elsewhere the port must be free.
        let reserved = cfg!(target_os = "linux").then_some(reserved);
        let (mut app, _) = self.start_listener(&listen, "the app is back").await?;
        drop(reserved);
        self.verified(&mut app, "ping", "zen").await?;
        front.stop().await?;
        app.stop().await
    }

    async fn replay(&mut self, hook: &str, inbox: &mut Running) -> Result<(), CliError> {
        let list = "events list --type 'contact.*'";
        let output = self
            .step(list, "the received events, stored byte for byte")
            .await?;
        expect(list, output.lines().count() >= 2, "two events", &output)?;

        let replay = format!("events replay e_0001 --to {hook}");
        self.step(&replay, "the first one again, with the same bytes")
            .await?;
        self.verified(inbox, "contact.created", "ada@example.com")
            .await?;

        self.step("queue list", "every delivery with its state")
            .await
            .map(drop)
    }

    /// An AI answer, printed as it grows.
    async fn answer(&mut self) -> Result<(), CliError> {
        let command = "tail --agent assistant 'Who is Ada?'";
        let begun = Instant::now();
        let mut tail = self.spawn(command)?;
        let (mut chunks, mut answer) = (0, String::new());
        while let Some(event) = tail.next_line().await? {
            let data = &event["data"];
            if data["type"] == json!("chunk") {
                chunks += 1;
                answer.push_str(data["content"].as_str().unwrap_or_default());
            }
        }
        tail.ended().await?;
        self.show(command, begun, "an AI answer, followed as it grows")?;
        expect(command, chunks > 1, "an answer in chunks", &answer)?;
        self.arrived(&format!("{chunks} chunks: {answer}"))
    }

    /// A chat message, pushed to every client.
    async fn chat(&mut self) -> Result<(), CliError> {
        let command = "tail --gateway chat --type message --count 1";
        let begun = Instant::now();
        let mut tail = self.spawn(command)?;
        tail.notice("connected").await?;
        self.show(command, begun, "connected to the chat gateway (Socket.IO)")?;
        let push = r#"dev push chat message '{"text":"Hello Ada"}'"#;
        self.step(push, "a chat message is pushed").await?;
        let event = tail.line().await?;
        let message = text(&event["data"]["text"]);
        expect(
            command,
            message == "Hello Ada",
            "the message",
            &event.to_string(),
        )?;
        self.arrived(&format!("message arrived: {message}"))?;
        tail.ended().await
    }

    /// Records by their date of change: all of them, then the one that has changed.
    async fn poll(&mut self) -> Result<(), CliError> {
        let poll = "poll contact";
        let output = self
            .step(poll, "every contact once; the watermark is stored")
            .await?;
        let first = records(&output);
        let emails: Vec<&str> = first.iter().filter_map(email).collect();
        let has_both = ["ada@example.com", "alan@example.com"]
            .iter()
            .all(|email| emails.contains(email));
        expect(poll, has_both, "the contacts of this tour", &output)?;
        let changed = first
            .iter()
            .find(|record| email(record) == Some("ada@example.com"));
        let id = changed
            .and_then(|record| record["sk"].as_str())
            .unwrap_or_default();

        let update = format!("records update contact {id} status=customer");
        self.step(&update, "one of them is changed").await?;

        let output = self.step(poll, "what has changed since then").await?;
        let news = records(&output);
        let is_changed = |record: &Value| {
            record["data"]["status"] == json!("customer") && record["sk"] == json!(id)
        };
        let only_changed = matches!(news.as_slice(), [record] if is_changed(record));
        expect(poll, only_changed, "only the changed one", &output)?;
        self.arrived("only that one: ada@example.com is a customer now")
    }

    /// An automation that waits for three days, which the platform's clock passes at once.
    async fn time(&mut self, inbox: &mut Running) -> Result<(), CliError> {
        let create = "flows create --on contact.created --after 3d --notify email --subject 'Still there?' --body Hello --name follow-up";
        self.step(
            create,
            "an automation that waits for three days, then writes an e-mail",
        )
        .await?;

        let create = "records create contact email=mary@example.com";
        self.step(create, "a contact is created").await?;
        self.verified(inbox, "contact.created", "mary@example.com")
            .await?;

        let advance = "dev clock advance 3d";
        self.step(advance, "three days later").await?;

        let outbox = "dev outbox";
        let output = self
            .step(
                outbox,
                "what the platform has sent; nothing leaves the machine",
            )
            .await?;
        let is_sent = output.contains("Still there?") && output.contains("mary@example.com");
        expect(outbox, is_sent, "the e-mail", &output)?;
        self.arrived("e-mail to mary@example.com: Still there?")
    }

    async fn end(&mut self, platform: Running, inbox: Running) -> Result<(), CliError> {
        self.step("dev stop", "the platform has stopped; its data is stored")
            .await?;
        platform.ended().await?;
        inbox.stop().await
    }
}

/// Returns a loopback port on which nothing listens, and a socket that keeps other programs from getting it.
fn reserve_port() -> Result<(TcpSocket, String), DemoError> {
    let socket = TcpSocket::new_v4().map_err(DemoError::Port)?;
    socket.set_reuseaddr(true).map_err(DemoError::Port)?;
    socket
        .bind((Ipv4Addr::LOCALHOST, 0).into())
        .map_err(DemoError::Port)?;
    let address = socket.local_addr().map_err(DemoError::Port)?;
    Ok((socket, address.to_string()))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The records on the lines of an output.
fn records(output: &str) -> Vec<Value> {
    output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn email(record: &Value) -> Option<&str> {
    record["data"]["email"].as_str()
}

fn expect(command: &str, holds: bool, wanted: &'static str, output: &str) -> Result<(), CliError> {
    if holds {
        return Ok(());
    }
    Err(DemoError::Unexpected {
        command: format!("evt {command}"),
        wanted,
        output: output.to_owned(),
    }
    .into())
}
