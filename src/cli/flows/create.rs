//! `evt flows create`: creates flows from flags, a file, stdin, or answers on a terminal.

use serde_json::{Map, Value, json};

use super::actions::{Action, Actions, Header, Notice};
use super::document::{self, Document};
use super::steps::Steps;
use super::{check, print, shown, wizard};
use crate::api::flows::Flow;
use crate::api::{ApiError, Client};
use crate::catalogue::{Trigger, find_event, find_trigger};
use crate::cli::Context;
use crate::cli::input::Source;
use crate::error::{CliError, Exit};
use crate::explain::shell_quoted;
use crate::grammar::secret_ref::SecretRef;
use crate::grammar::target::Target;
use crate::ui::{Format, Style, safe};

/// Create flows from flags or a file, or interactively
#[derive(Debug, Default, clap::Args)]
#[command(
    after_help = "Examples:\n  evt flows create --on contact.created --webhook 4871/hook\n  evt flows create --on contact.created --webhook https://bridge.example.com/in -H 'X-Bridge-Secret: env:S' --when 'data.status == \"lead\"'\n  evt flows create --on contact.created --after 3d --notify email --subject 'Still there?' --body Hello\n  evt flows create --every '0 9 * * MON' --tz Europe/Berlin --webhook 4871/weekly\n  evt flows create -f flow.yaml --dry-run"
)]
pub(crate) struct Args {
    /// Trigger or event that starts the flow: contact.created, 'order.*' (repeatable)
    #[arg(long, value_name = "TRIGGER", conflicts_with = "file")]
    pub(super) on: Vec<String>,
    #[command(flatten)]
    pub(super) actions: Actions,
    /// Run only if this condition holds: `data.status == "lead"`
    #[arg(long, value_name = "CONDITION", conflicts_with = "file")]
    pub(super) when: Option<String>,
    /// Header to send; the value may be env:NAME, file:PATH or cmd:… (repeatable)
    #[arg(
        short = 'H',
        long = "header",
        value_name = "NAME: VALUE",
        conflicts_with = "file"
    )]
    pub(super) headers: Vec<Header>,
    /// Secret to sign with instead of the platform's own: text, env:NAME, file:PATH, cmd:… or -
    #[arg(long, value_name = "REF", conflicts_with = "file")]
    pub(super) secret: Option<SecretRef>,
    #[command(flatten)]
    pub(super) steps: Steps,
    /// Name of the flow [default: made from trigger and target]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Create the flow disabled
    #[arg(long)]
    pub(super) disabled: bool,
    /// File with one or more flows (YAML or JSON), or `-` for stdin
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<Source>,
    /// Print the document and send nothing; references to secrets are not resolved
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not mask secrets in the output
    #[arg(long)]
    pub(super) show_secrets: bool,
    /// Skip the checks for remote platforms
    #[arg(long)]
    pub(super) force: bool,
}

impl Args {
    /// Whether neither flags nor a file describe the flow.
    fn is_interactive(&self) -> bool {
        self.on.is_empty()
            && self.actions.is_empty()
            && self.file.is_none()
            && self.steps.is_empty()
    }
}

pub(super) async fn run(mut args: Args, cx: &Context, client: &Client) -> Result<Exit, CliError> {
    let is_interactive = args.is_interactive();
    if is_interactive {
        let Some(answered) = wizard::ask(args, cx)? else {
            cx.ui.status("Nothing was created");
            return Ok(Exit::Done);
        };
        args = answered;
    }
    let may_run = args.file.is_none();
    let documents = documents(&args)?;
    for document in &documents {
        check::check(document, args.force, cx, client)?;
    }
    for document in &documents {
        if args.dry_run {
            show(&document.value, args.show_secrets, cx)?;
            continue;
        }
        let body = check::resolved(&document.value, may_run, cx)?;
        let flow = client
            .create_flow(&body)
            .await
            .map_err(|error| refused(error, document))?;
        created(&flow, document, &args, client, cx)?;
    }
    if is_interactive {
        wizard::print_command(&args, cx);
    }
    Ok(Exit::Done)
}

fn documents(args: &Args) -> Result<Vec<Document>, CliError> {
    let Some(source) = &args.file else {
        return Ok(vec![Document {
            value: from_flags(args)?,
            source: document::FROM_FLAGS.to_owned(),
        }]);
    };
    let mut documents = document::read(source)?;
    if let (Some(_), [_, _, ..]) = (&args.name, documents.as_slice()) {
        return Err(CliError::usage(format!(
            "--name is for one flow, but {} contains {}",
            source.name(),
            documents.len()
        )));
    }
    for document in &mut documents {
        if let Value::Object(map) = &mut document.value {
            if let Some(name) = &args.name {
                map.insert("name".to_owned(), json!(name));
            }
            if args.disabled {
                map.insert("enabled".to_owned(), json!(false));
            }
        }
    }
    Ok(documents)
}

/// Makes a document from the flags, in the platform's short form.
pub(super) fn from_flags(args: &Args) -> Result<Value, CliError> {
    let steps = &args.steps;
    if let Some((flag, other)) = without_effect(args) {
        return Err(CliError::usage(format!("`{flag}` needs {other}")));
    }
    if args.on.is_empty() && !steps.starts() {
        return Err(CliError::usage("the flow has no trigger")
            .hint("evt flows create --on contact.created --webhook 4871/hook")
            .hint("evt flows create --every '0 9 * * MON' --webhook 4871/hook"));
    }
    if args.actions.is_empty() {
        let on = args.on.first().map_or("contact.created", |on| on);
        return Err(CliError::usage("the flow has no action")
            .hint(format!(
                "evt flows create --on {} --webhook 4871/hook",
                shell_quoted(on)
            ))
            .hint(format!(
                "evt flows create --on {} --notify email",
                shell_quoted(on)
            ))
            .hint("evt flows create -f flow.yaml     for the other actions"));
    }
    let actions: Vec<Value> = actions(args)?;
    let mut flow = Map::new();
    flow.insert("name".to_owned(), json!(name(args, actions.first())));
    let named = args.on.iter().map(|name| json!({ "type": name }));
    let mut triggers: Vec<Value> = named.chain(steps.trigger()).collect();
    match triggers.len() {
        // Without a trigger the list is empty: the flow starts by hand.
        1 => flow.insert("trigger".to_owned(), triggers.remove(0)),
        _ => flow.insert("triggers".to_owned(), json!(triggers)),
    };
    if let Some(when) = &args.when {
        flow.insert("when".to_owned(), json!(when));
    }
    if args.disabled {
        flow.insert("enabled".to_owned(), json!(false));
    }
    let actions: Vec<Value> = steps.delay().into_iter().chain(actions).collect();
    flow.insert("actions".to_owned(), json!(actions));
    Ok(Value::Object(flow))
}

/// The actions in the order of their flags.
fn actions(args: &Args) -> Result<Vec<Value>, CliError> {
    let action = |action: &Action| {
        Ok(match action {
            Action::Webhook(target) => {
                let config = webhook_config(webhook_url(target)?, args);
                json!({"type": "send_webhook", "config": config})
            }
            Action::Notify(notice) => args.steps.notification(notice),
            Action::Call(number) => args.steps.call(number),
        })
    };
    args.actions.0.iter().map(action).collect()
}

/// The flag that has no effect without another one, and that one.
fn without_effect(args: &Args) -> Option<(&'static str, &'static str)> {
    match args.actions.has_webhook() {
        false if args.secret.is_some() => Some(("--secret", "--webhook")),
        false if !args.headers.is_empty() => Some(("--header", "--webhook")),
        _ => args.steps.without_effect(&args.actions),
    }
}

/// The flow's name: that of the flag, or made from its start and its first action.
fn name(args: &Args, action: Option<&Value>) -> String {
    if let Some(name) = &args.name {
        return name.clone();
    }
    let start = args.on.iter().cloned().chain(args.steps.start());
    let start = start.collect::<Vec<_>>().join(", ");
    match args.actions.0.first() {
        Some(Action::Webhook(target)) => {
            let url = action.and_then(|action| action["config"]["url"].as_str());
            format!("{start} to {}", shown::short_url(url.unwrap_or(target)))
        }
        Some(Action::Notify(Notice {
            channel,
            to: Some(to),
        })) => {
            format!("{start}: {channel} to {to}")
        }
        Some(Action::Notify(notice)) => format!("{start}: {}", notice.channel),
        Some(Action::Call(number)) => format!("{start}: call {number}"),
        None => start,
    }
}

/// The webhook's URL. A URL may contain placeholders, which [`Target`] does not accept.
fn webhook_url(text: &str) -> Result<String, CliError> {
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    if is_url && text.contains("{{") {
        return Ok(text.to_owned());
    }
    let target: Target = text.parse()?;
    // A URL is sent exactly as typed: normalizing it could add a slash, which some routers treat differently.
    Ok(if is_url {
        text.to_owned()
    } else {
        target.to_string()
    })
}

fn webhook_config(url: String, args: &Args) -> Value {
    let mut config = Map::new();
    config.insert("url".to_owned(), json!(url));
    config.insert("method".to_owned(), json!("POST"));
    if !args.headers.is_empty() {
        let headers: Map<String, Value> = args
            .headers
            .iter()
            .map(|header| (header.name.clone(), json!(header.value)))
            .collect();
        config.insert("headers".to_owned(), Value::Object(headers));
    }
    if let Some(secret) = &args.secret {
        let text = match secret {
            SecretRef::Literal(secret) => secret.reveal().to_owned(),
            reference => reference.to_string(),
        };
        config.insert("secret".to_owned(), json!(text));
    }
    Value::Object(config)
}

/// Prints the document of a dry run: as YAML that can be saved to a file, or as JSON.
fn show(document: &Value, show_secrets: bool, cx: &Context) -> Result<(), CliError> {
    let document = if show_secrets {
        document.clone()
    } else {
        shown::masked(document)
    };
    match cx.ui.format() {
        Format::Text => cx.ui.line(&shown::yaml(&document, cx)?)?,
        Format::Json | Format::Raw => cx.ui.json(&document)?,
    }
    Ok(())
}

/// Adds hints to the platform's refusal.
fn refused(error: ApiError, document: &Document) -> CliError {
    let is_taken = error.refusal().is_some_and(|refusal| refusal.status == 409);
    let error = CliError::from(error);
    if is_taken {
        return error
            .hint(format!("evt flows show {}", shell_quoted(document.name())))
            .hint("evt flows apply -f flow.yaml     updates an existing flow");
    }
    error
}

fn created(
    flow: &Flow,
    document: &Document,
    args: &Args,
    client: &Client,
    cx: &Context,
) -> Result<(), CliError> {
    if cx.ui.format() == Format::Text {
        let state = if flow.is_enabled() { "" } else { ", disabled" };
        cx.ui.line(&format!(
            "{} {} ({}{state})",
            cx.ui.paint(Style::Good, "created"),
            cx.ui.paint(Style::Name, &safe(flow.name())),
            safe(flow.id())
        ))?;
    } else {
        print(cx, flow.value(), args.show_secrets)?;
    }
    if let Some(signing) = signing(document, client, cx)? {
        cx.ui.status(&signing);
    }
    let field =
        example_field(&document.value).map_or_else(String::new, |field| format!(" {field}"));
    cx.ui
        .status(&format!("try  evt flows execute {}{field}", argument(flow)));
    Ok(())
}

/// The flow's name as an argument in a shell, or its id if the name contains special characters.
fn argument(flow: &Flow) -> String {
    let name = flow.name();
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_quotable = |c: char| is_word(c) || " ,:/*@".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(is_quotable) {
        safe(flow.id())
    } else if name.chars().all(is_word) {
        name.to_owned()
    } else {
        format!("'{name}'")
    }
}

/// An example field for the context of the flow's first trigger: `order.email=ada@example.test`.
fn example_field(document: &Value) -> Option<String> {
    let names = shown::triggers(document);
    let trigger = find_trigger(names.first()?).ok()?;
    let event = find_event(trigger.events().first()?).ok()?;
    let variable = match trigger {
        Trigger::Kind(kind) => kind.variable,
        Trigger::Event(event) => event.datatype,
    };
    let sample: Map<String, Value> = serde_json::from_str(event.sample()).ok()?;
    let text = |name: &str| Some((name.to_owned(), sample.get(name)?.as_str()?.to_owned()));
    let (name, value) = text("email").or_else(|| sample.keys().find_map(|name| text(name)))?;
    // The hint is pasted into a shell, so the value must not contain special characters.
    let is_safe = !value.contains(|c: char| c.is_whitespace() || "'\"$?&;<>|()".contains(c));
    is_safe.then(|| format!("{variable}.{name}={value}"))
}

/// Explains how the flow's webhooks are signed.
fn signing(document: &Document, client: &Client, cx: &Context) -> Result<Option<String>, CliError> {
    let lists = ["actions", "steps"].iter();
    let steps = lists.filter_map(|name| document.value.get(*name)?.as_array());
    let webhooks: Vec<&Value> = steps
        .flatten()
        .filter(|step| step.pointer("/config/url").is_some())
        .collect();
    if webhooks.is_empty() {
        return Ok(None);
    }
    if webhooks
        .iter()
        .any(|step| step.pointer("/config/secret").is_some())
    {
        let text = "Its webhooks are signed with the given secret (Standard Webhooks)";
        return Ok(Some(text.to_owned()));
    }
    let local = cx.profile()?.local.filter(|_| client.is_loopback());
    let text = match local {
        Some(running) if running.webhook_secret.is_some() => {
            "Its webhooks are signed with the platform's own secret, which `evt listen` verifies automatically"
        }
        _ => {
            "Its webhooks are not signed. To send a secret in a header: -H 'X-Bridge-Secret: env:NAME'"
        }
    };
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(on: &[&str], webhook: &str) -> Args {
        Args {
            on: on.iter().map(|name| (*name).to_owned()).collect(),
            actions: Actions(vec![Action::Webhook(webhook.to_owned())]),
            ..Args::default()
        }
    }

    #[test]
    fn flags_make_a_document_in_the_short_form() {
        let mut args = args(&["contact.created"], "4871/hook");
        args.headers = vec!["X-Bridge-Secret: env:S".parse().unwrap()];
        args.when = Some("data.status == \"lead\"".to_owned());
        assert_eq!(
            from_flags(&args).unwrap(),
            json!({
                "name": "contact.created to 127.0.0.1:4871/hook",
                "trigger": {"type": "contact.created"},
                "when": "data.status == \"lead\"",
                "actions": [{"type": "send_webhook", "config": {
                    "url": "http://127.0.0.1:4871/hook",
                    "method": "POST",
                    "headers": {"X-Bridge-Secret": "env:S"},
                }}],
            })
        );
    }

    #[test]
    fn the_example_field_belongs_to_the_triggers_record() {
        let of = |on: &str| example_field(&from_flags(&args(&[on], "4871")).unwrap());
        assert_eq!(
            of("contact.created").as_deref(),
            Some("contact.email=ada@example.test")
        );
        assert_eq!(
            of("order.placed").as_deref(),
            Some("order.email=ada@example.test")
        );
        assert_eq!(of("order.*"), None);
    }

    #[test]
    fn several_triggers_make_a_list() {
        let flow = from_flags(&args(&["order.paid", "order.placed"], "https://a.test/x")).unwrap();
        assert_eq!(
            flow["triggers"],
            json!([{"type": "order.paid"}, {"type": "order.placed"}])
        );
        assert_eq!(flow["actions"][0]["config"]["url"], "https://a.test/x");
    }

    #[test]
    fn placeholders_in_a_url_are_preserved() {
        let flow = from_flags(&args(&["order.paid"], "https://a.test/{{order.sk}}")).unwrap();
        assert_eq!(
            flow["actions"][0]["config"]["url"],
            "https://a.test/{{order.sk}}"
        );
    }

    #[test]
    fn a_flow_without_a_trigger_or_a_target_is_refused() {
        assert!(from_flags(&args(&[], "4871")).is_err());
        assert!(from_flags(&args(&["order.paid"], "nonsense")).is_err());
    }
}
