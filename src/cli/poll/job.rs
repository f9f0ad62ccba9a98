//! One run of a poller, of one datatype.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::ending::Ending;
use super::{Deletes, PollArgs, progress};
use crate::backoff::Retry;
use crate::cli::{Context, brokers, retention};
use crate::config::Profile;
use crate::error::{CliError, Exit};
use crate::event::Transport;
use crate::grammar::quantity::{Rate, Span, When};
use crate::pipeline::{
    Forward, OnSlow, Pipeline, PipelineOptions, RecordForm, Save, Show, SingerNames,
};
use crate::select::Select;
use crate::source::Pulse;
use crate::source::poll::{Find, OutFile, Poll, PollOptions, Subject, known_paths};
use crate::store::Kind;
use crate::store::poll::PollState;
use crate::time::Timestamp;
use crate::watermark::Micros;

/// Timeout of a delivery by --forward.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// What to read, and where the state is.
pub(super) struct Job<'a> {
    pub(super) args: &'a PollArgs,
    pub(super) datatype: String,
    pub(super) profile: Profile,
    /// The folder and the name of the state.
    pub(super) folder: PathBuf,
    pub(super) key: String,
    /// Where a new state starts.
    pub(super) since: Option<Micros>,
    /// The run belongs to a Singer runner: the state is temporary, and a datatype may be empty.
    pub(super) is_tap: bool,
    /// Print Singer messages.
    pub(super) singer: Option<SingerNames>,
}

/// The end of a run.
pub(super) struct Done {
    pub(super) exit: Exit,
    /// The Singer bookmark of the last commit, as JSON.
    pub(super) bookmark: Option<String>,
}

impl Job<'_> {
    pub(super) async fn run(self, cx: &Arc<Context>) -> Result<Done, CliError> {
        let args = self.args;
        let client = cx.api_of(&self.profile)?;
        let subject = Subject {
            url: self.profile.url.clone(),
            org: self.profile.org.clone(),
            is_loopback: client.is_loopback(),
        };
        let state = PollState::open(&self.folder, &self.key, args.state.force)?;
        self.report_ignored_flags(&state, cx);
        let before = state.position().emitted;
        let is_new = !state.position().has_begun() && !self.is_tap;
        let file = args.show.out.as_deref();
        let file = file
            .map(|path| OutFile::open(path, state.position().output.as_ref()))
            .transpose()?;
        let ui = match &file {
            Some(file) => Arc::new(cx.ui.beside(Box::new(file.writer()?))),
            None => Arc::clone(&cx.ui),
        };
        let limit = args.request.timeout.into();
        let asked = self.datatype.clone();
        let find: Find = Arc::new(move |body| {
            let (client, datatype) = (Arc::clone(&client), asked.clone());
            Box::pin(async move { client.find_unparsed(&datatype, body, limit).await })
        });
        let stop = cx.shutdown.child_token();
        let known = known_paths(state.position());
        let mut poll = Poll::new(self.options(), subject, find, state, file);
        let mut pipeline = Pipeline::new(self.pipeline(known, cx)?, ui, stop.clone());
        if args.sinks.save || args.sinks.forward.is_some() {
            retention::start(cx, cx.inbox()?, Kind::Inbox, stop.clone())?;
        }
        let display = progress::show(&self.datatype, poll.progress(), args.show.out.is_some(), cx);
        self.report_follow(cx);
        let end = poll.run(&mut pipeline, &stop).await;
        drop(display);
        let bookmark = match self.singer {
            Some(_) => Some(poll.state().singer_bookmark(&args.request.field)?),
            None => None,
        };
        let ending = Ending {
            end,
            key: self.key,
            before,
            follows: args.stop.follow,
            datatype: self.datatype,
            is_new,
        };
        let exit = ending.conclude(pipeline, poll, cx).await?;
        Ok(Done { exit, bookmark })
    }

    fn report_follow(&self, cx: &Context) {
        if self.args.stop.follow {
            let datatype = crate::ui::safe(&self.datatype);
            let (least, most) = self.args.stop.interval.ends();
            let (least, most) = (Span::new(least), Span::new(most));
            let facts = serde_json::json!({ "datatype": datatype, "state": self.key });
            let text =
                format!("Following {datatype}: polling every {least} to {most}. Ctrl-C stops it.");
            cx.ui.notice("following", facts, &text);
        }
    }

    fn report_ignored_flags(&self, state: &PollState, cx: &Context) {
        let (args, key) = (self.args, &self.key);
        let position = state.position();
        if position.has_begun() && args.select.since.is_some() {
            let reached = position
                .frontier
                .map_or_else(String::new, |frontier| format!(", up to {frontier}"));
            cx.ui.status(&format!(
                "--since only applies to the first call; this one continues where the last one ended{reached}. To start over: evt poll state reset {key}"
            ));
        }
    }

    fn options(&self) -> PollOptions {
        let args = self.args;
        let now = Timestamp::now();
        let at = |when: When| Micros::from(when.at(now));
        let interval = args.stop.interval;
        PollOptions {
            datatype: self.datatype.clone(),
            since: self.since,
            until: args.select.until.map(at),
            max: args.stop.max,
            lookback: args.request.lookback.into(),
            page_size: args.request.page_size,
            query: args.select.query.clone().unwrap_or_default(),
            key: args.request.key.clone(),
            field: args.request.field.clone(),
            ignore: args.request.ignore_field.clone(),
            undated: args.select.undated.into(),
            strategy: args.request.strategy.into(),
            pace: args.request.rate.map(Rate::interval),
            max_wait: args.request.max_wait.into(),
            sweep: args.select.deletes == Deletes::Sweep,
            allow_mass_deletion: args.select.allow_mass_deletion,
            reconcile: args.select.reconcile,
            fail_on_gap: args.stop.fail_on_gap,
            follow: args.stop.follow.then(|| interval.ends()),
            skip_malformed: args.select.skip_malformed,
            commit_each_record: args.sinks.exec.is_some(),
            writes_bookmarks: self.singer.is_some(),
        }
    }

    fn pipeline(
        &self,
        known_paths: Vec<String>,
        cx: &Context,
    ) -> Result<PipelineOptions, CliError> {
        let (args, datatype) = (self.args, &self.datatype);
        let sinks = &args.sinks;
        let secret = sinks.secret.as_ref().map(|secret| cx.secret(secret));
        let secret = secret.transpose()?;
        let dialer = cx.dialer()?;
        let forward = sinks.forward.clone().map(|to| Forward {
            to,
            retry: Retry::dev(),
            timeout: FORWARD_TIMEOUT,
            secret,
            dialer: dialer.clone(),
            complete: brokers::completer(cx),
        });
        let save = (sinks.save || forward.is_some()).then(|| {
            Ok::<_, CliError>(Save {
                store: cx.inbox()?,
                events: true,
                forward,
                cursor: None,
            })
        });
        Ok(PipelineOptions {
            source: crate::event::Source::Poll,
            transport: Transport::Poll,
            name: format!("/repository/find/{datatype}"),
            select: Select {
                types: args.select.types.clone(),
                condition: args.select.condition.clone(),
                ..Select::default()
            },
            expect: None,
            count: None,
            show: self.shows(),
            is_one_answer: false,
            shape: args.show.jq.clone(),
            on_slow: OnSlow::Block,
            save: save.transpose()?,
            exec: sinks.exec.clone(),
            record: sinks.record.clone(),
            fail_on_gap: false,
            known_paths,
            pulse: Arc::new(Pulse::default()),
        })
    }

    fn shows(&self) -> Show {
        let args = self.args;
        if let Some(singer) = &self.singer {
            return Show::Records(RecordForm::Singer(Box::new(singer.clone())));
        }
        if args.show.envelope {
            return Show::Records(RecordForm::Enveloped);
        }
        // The command of --exec writes to stdout.
        match args.sinks.exec.is_some() && args.show.out.is_none() {
            true => Show::Nothing,
            false => Show::Records(RecordForm::AsTheyCame),
        }
    }
}
