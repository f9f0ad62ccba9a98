mod position;

use std::io::Write;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::event::{Event, Source};
use crate::grammar::destination::Destination;
use crate::grammar::target::Target;
use crate::json::is_json;
use crate::select::Select;
use crate::store::{Kind, Store, StoreError, cursors, events};
use crate::ui::{Format, Manner};

/// What was written to stdout.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that reads nothing until the gate opens.
struct Stalled {
    gate: Option<mpsc::Receiver<()>>,
    written: Written,
}

impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(gate) = self.gate.take() {
            let _ = gate.recv();
        }
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn options() -> PipelineOptions {
    PipelineOptions {
        source: Source::Tail,
        transport: Transport::Sse,
        name: "http://feed.test/events".to_owned(),
        select: Select::default(),
        expect: None,
        count: None,
        show: Show::Event,
        is_one_answer: false,
        shape: None,
        on_slow: OnSlow::Block,
        save: None,
        exec: None,
        record: None,
        fail_on_gap: false,
        known_paths: Vec::new(),
        pulse: Arc::default(),
    }
}

fn manner(format: Format) -> Manner {
    Manner {
        format,
        quiet: true,
        ..Manner::default()
    }
}

fn pipeline(options: PipelineOptions, format: Format) -> (Pipeline, Written) {
    let written = Written::default();
    let ui = Arc::new(Ui::to(manner(format), Box::new(written.clone())));
    let pipeline = Pipeline::new(options, ui, CancellationToken::new());
    (pipeline, written)
}

/// A pipeline whose stdout accepts nothing until the sender is dropped.
fn stalled(options: PipelineOptions) -> (Pipeline, Written, mpsc::Sender<()>, CancellationToken) {
    let written = Written::default();
    let (open, gate) = mpsc::channel();
    let sink = Stalled {
        gate: Some(gate),
        written: written.clone(),
    };
    let ui = Arc::new(Ui::to(manner(Format::Json), Box::new(sink)));
    let stop = CancellationToken::new();
    let pipeline = Pipeline::new(options, ui, stop.clone());
    (pipeline, written, open, stop)
}

/// An event over the size limit.
fn oversized() -> Notice {
    Notice::Malformed {
        bytes: 1000,
        why: "too large".to_owned(),
        is_lost: true,
    }
}

fn message(data: &str) -> Message<'_> {
    Message {
        data: data.as_bytes(),
        ..Message::default()
    }
}

/// Passes messages to the pipeline until it wants no more. Returns how many it accepted.
async fn feed(pipeline: &mut Pipeline, messages: &[Message<'_>]) -> usize {
    let mut taken = 0;
    for message in messages {
        taken += 1;
        if pipeline.take(message).is_break() || pipeline.settle().await.is_break() {
            break;
        }
    }
    taken
}

fn seq(line: &str) -> u64 {
    let rest = line.strip_prefix("{\"seq\":").unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_record_has_the_known_members_and_unchanged_data() {
    let (mut pipeline, written) = pipeline(options(), Format::Json);
    let messages = [
        Message {
            name: Some("order.placed"),
            id: Some("41"),
            ..message(r#"{"a": 1.00, "big":12345678901234567890}"#)
        },
        message("plain"),
    ];
    feed(&mut pipeline, &messages).await;
    pipeline.finish().await;
    let lines = written.lines();
    assert!(lines.iter().all(|line| is_json(line.as_bytes())));
    assert!(lines[0].ends_with(
        r#""source":"tail","transport":"sse","type":"order.placed","id":"41","data":{"a": 1.00, "big":12345678901234567890}}"#
    ), "{}", lines[0]);
    assert!(
        lines[1].ends_with(r#""transport":"sse","type":"message","data":"plain"}"#),
        "{}",
        lines[1]
    );
    assert_eq!((seq(&lines[0]), seq(&lines[1])), (1, 2));
}

#[tokio::test]
async fn types_and_conditions_select_and_all_messages_are_counted() {
    let select = Select {
        types: vec!["order.*".parse().unwrap()],
        condition: Some("data.total > 10".parse().unwrap()),
        ..Select::default()
    };
    let options = PipelineOptions {
        select,
        ..options()
    };
    let (mut pipeline, written) = pipeline(options, Format::Json);
    let placed = |data| Message {
        name: Some("order.placed"),
        ..message(data)
    };
    let messages = [
        placed(r#"{"total":9}"#),
        placed(r#"{"total":11}"#),
        Message {
            name: Some("order.paid"),
            ..message(r#"{"total":12}"#)
        },
        message(r#"{"type":"order.paid","total":13}"#),
        placed("no JSON"),
    ];
    feed(&mut pipeline, &messages).await;
    let (stats, stop) = pipeline.finish().await;
    assert!(stop.is_none());
    assert_eq!((stats.received, stats.matched), (5, 2));
    let seqs: Vec<u64> = written.lines().iter().map(|line| seq(line)).collect();
    assert_eq!(seqs, [2, 3]);
}

#[tokio::test]
async fn a_count_ends_the_stream_at_the_last_counted_message() {
    let select = Select {
        types: vec!["b".parse().unwrap()],
        ..Select::default()
    };
    let options = PipelineOptions {
        select,
        count: Some(2),
        ..options()
    };
    let (mut pipeline, written) = pipeline(options, Format::Json);
    let messages: Vec<Message<'_>> = ["a", "b", "a", "b", "b"]
        .map(|name| Message {
            name: Some(name),
            ..message("1")
        })
        .to_vec();
    assert_eq!(feed(&mut pipeline, &messages).await, 4);
    let (stats, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::GoalMet)), "{stop:?}");
    assert_eq!((stats.matched, written.lines().len()), (2, 2));
}

#[tokio::test]
async fn an_expected_message_ends_the_stream_even_if_it_is_not_selected() {
    let options = PipelineOptions {
        select: Select {
            condition: Some(r#"data.type == "chunk""#.parse().unwrap()),
            ..Select::default()
        },
        expect: Some("data.done == true".parse().unwrap()),
        ..options()
    };
    let (mut pipeline, written) = pipeline(options, Format::Json);
    let messages = [
        message(r#"{"type":"chunk"}"#),
        message(r#"{"done":true}"#),
        message(r#"{"type":"chunk"}"#),
    ];
    assert_eq!(feed(&mut pipeline, &messages).await, 2);
    let (_, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::GoalMet)), "{stop:?}");
    assert_eq!(written.lines().len(), 1);
}

/// More messages than all buffers before a stalled reader can hold.
const MANY: u64 = 40_000;

/// Fills all buffers before a reader that reads nothing.
async fn overfill(pipeline: &mut Pipeline) {
    let data = format!("\"{}\"", "x".repeat(200));
    for _ in 0..MANY / 100 {
        for _ in 0..100 {
            let _ = pipeline.take(&message(&data));
        }
        let _ = pipeline.settle().await;
    }
}

#[tokio::test]
async fn with_drop_lost_messages_are_counted_and_reported() {
    let options = PipelineOptions {
        on_slow: OnSlow::Drop,
        ..options()
    };
    let (mut pipeline, written, open, _) = stalled(options);
    overfill(&mut pipeline).await;
    assert!(
        pipeline.output.lines.capacity() < 4 * output::BATCH,
        "memory is not bounded"
    );
    let dropped = pipeline.stats().dropped;
    assert!(dropped > 0);
    drop(open);
    let ui = Arc::clone(&pipeline.ui);
    ui.room(usize::MAX / 2).await;
    feed(&mut pipeline, &[message("1"), message("2")]).await;
    let (stats, stop) = pipeline.finish().await;
    assert!(stop.is_none(), "{stop:?}");
    assert_eq!(stats.dropped, dropped);
    // There can be room once in between, if the writer takes its first batch late.
    assert!((1..=2).contains(&stats.gaps), "{}", stats.gaps);
    let seqs: Vec<u64> = written.lines().iter().map(|line| seq(line)).collect();
    assert_eq!(seqs.len() as u64, MANY + 2 - dropped);
    assert_eq!(seqs[seqs.len() - 2..], [MANY + 1, MANY + 2]);
}

#[tokio::test]
async fn with_drop_a_loss_at_the_end_is_a_gap() {
    let options = PipelineOptions {
        on_slow: OnSlow::Drop,
        fail_on_gap: true,
        ..options()
    };
    let (mut pipeline, _written, open, _) = stalled(options);
    overfill(&mut pipeline).await;
    drop(open);
    let (stats, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::Gap)), "{stop:?}");
    assert_eq!(stats.gaps, 1);
}

#[tokio::test]
async fn with_block_the_stream_waits_and_a_slow_reader_gets_everything() {
    let (mut pipeline, written, open, _) = stalled(options());
    let filling = async {
        overfill(&mut pipeline).await;
        pipeline
    };
    tokio::pin!(filling);
    // It cannot end while stdout is not read. The dropped settle is called again below.
    let waited = tokio::time::timeout(Duration::from_millis(200), &mut filling).await;
    assert!(waited.is_err(), "nothing waited for the reader");
    drop(open);
    let mut pipeline = filling.await;
    let (stats, stop) = pipeline.finish().await;
    assert!(stop.is_none(), "{stop:?}");
    assert_eq!(stats.dropped, 0);
    let seqs: Vec<u64> = written.lines().iter().map(|line| seq(line)).collect();
    assert!(seqs.iter().copied().eq(1..=MANY));
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_the_reader_ends_after_the_user_stopped_the_command() {
    let (mut pipeline, _written, _open, stop) = stalled(options());
    let filling = overfill(&mut pipeline);
    stop.cancel();
    filling.await;
    let (_, stopped) = tokio::time::timeout(output::PATIENCE * 4, pipeline.finish())
        .await
        .expect("the wait is bounded");
    assert!(stopped.is_none(), "{stopped:?}");
}

#[tokio::test]
async fn with_exit_a_slow_reader_ends_the_stream() {
    let options = PipelineOptions {
        on_slow: OnSlow::Exit,
        ..options()
    };
    let (mut pipeline, _written, open, _) = stalled(options);
    overfill(&mut pipeline).await;
    drop(open);
    let (_, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::SlowReader)), "{stop:?}");
}

#[tokio::test]
async fn a_dropped_settle_loses_and_repeats_nothing() {
    let (mut pipeline, written) = pipeline(options(), Format::Json);
    for number in 0..100 {
        let data = number.to_string();
        let _ = pipeline.take(&message(&data));
        drop(pipeline.settle());
        if number % 3 == 0 {
            let settling = pipeline.settle();
            let _ = tokio::time::timeout(Duration::ZERO, settling).await;
        }
    }
    pipeline.finish().await;
    let seqs: Vec<u64> = written.lines().iter().map(|line| seq(line)).collect();
    assert!(seqs.iter().copied().eq(1..=100), "{seqs:?}");
}

#[tokio::test]
async fn a_jq_expression_prints_its_results_and_its_errors_are_counted() {
    let options = PipelineOptions {
        shape: Some(".data[] | {n: .}".parse().unwrap()),
        ..options()
    };
    let (mut pipeline, written) = pipeline(options, Format::Json);
    let messages = [message("[1,2.50]"), message("7"), message("[]")];
    feed(&mut pipeline, &messages).await;
    let (stats, _) = pipeline.finish().await;
    assert_eq!(written.text(), "{\"n\":1}\n{\"n\":2.50}\n");
    assert_eq!((stats.matched, stats.not_shaped), (3, 1));
}

#[tokio::test]
async fn raw_prints_the_payload_and_ends_the_line_of_text() {
    let (mut pipeline, written) = pipeline(options(), Format::Raw);
    let envelope = r#"{"event":"a.b","orgId":"o","data":{}}"#;
    feed(&mut pipeline, &[message(envelope), message("x\ny")]).await;
    pipeline.finish().await;
    assert_eq!(written.text(), format!("{envelope}\nx\ny\n"));
}

#[tokio::test]
async fn a_line_in_the_text_format_has_time_type_id_and_payload() {
    let (mut pipeline, written) = pipeline(options(), Format::Text);
    let placed = Message {
        name: Some("order.placed"),
        id: Some("41"),
        ..message("{\"a\":\n1}")
    };
    feed(&mut pipeline, &[placed]).await;
    pipeline.finish().await;
    let text = written.text();
    let (clock, rest) = text.split_once("  ").unwrap();
    assert_eq!(clock.len(), "10:00:00.007".len());
    assert_eq!(rest, "order.placed          41  {\"a\":1}\n");
}

#[tokio::test]
async fn an_answer_is_printed_as_text_and_its_failure_is_returned() {
    let options = PipelineOptions {
        show: Show::Answer,
        is_one_answer: true,
        ..options()
    };
    let (mut pipeline, written) = pipeline(options, Format::Json);
    let messages = [
        message(r#"{"type":"chunk","content":"Hel"}"#),
        message(r#"{"type":"tool-use","name":"search"}"#),
        message(r#"{"type":"chunk","content":"lo\nyou"}"#),
        message(r#"{"type":"error","message":"overloaded"}"#),
    ];
    feed(&mut pipeline, &messages).await;
    let (_, stop) = pipeline.finish().await;
    assert_eq!(written.text(), "Hello\nyou\n");
    assert!(matches!(stop, Some(Stop::Answer(why)) if why == "overloaded"));
}

#[tokio::test]
async fn a_gap_ends_the_stream_only_with_fail_on_gap() {
    for fail_on_gap in [false, true] {
        let options = PipelineOptions {
            fail_on_gap,
            ..options()
        };
        let (mut pipeline, _) = pipeline(options, Format::Json);
        pipeline.notice(gap());
        assert_eq!(pipeline.end.stop.is_cancelled(), fail_on_gap);
        let (stats, stop) = pipeline.finish().await;
        assert_eq!(stats.gaps, 1);
        assert_eq!(matches!(stop, Some(Stop::Gap)), fail_on_gap);
    }
}

#[tokio::test]
async fn with_fail_on_gap_a_loss_that_cannot_be_resumed_ends_the_stream_immediately() {
    for fail_on_gap in [false, true] {
        let options = PipelineOptions {
            fail_on_gap,
            ..options()
        };
        let (mut pipeline, _) = pipeline(options, Format::Json);
        pipeline.lost(&crate::source::ConnectionLoss {
            since: Timestamp::now(),
            why: "lost".to_owned(),
        });
        assert_eq!(pipeline.end.stop.is_cancelled(), fail_on_gap);
        assert_eq!(pipeline.stats().gaps, u64::from(fail_on_gap));
    }
}

fn gap() -> Notice {
    Notice::Gap(crate::source::Gap {
        from: None,
        to: None,
        reason: "lost".to_owned(),
        lost: None,
        since: Timestamp::now(),
        until: Timestamp::now(),
    })
}

const FEED: &str = "http://feed.test/events";

fn saving(events: bool) -> (PipelineOptions, Store) {
    let store = Store::ephemeral(Kind::Inbox).unwrap();
    let save = Save {
        store: store.clone(),
        events,
        forward: None,
        cursor: Some(Cursor {
            name: "feed".to_owned(),
            stream: FEED.to_owned(),
        }),
    };
    let options = PipelineOptions {
        save: Some(save),
        ..options()
    };
    (options, store)
}

fn cursor(store: &Store) -> Option<String> {
    store
        .read_blocking(|connection| cursors::find(connection, "feed", FEED))
        .unwrap()
        .map(|stored| stored.position)
}

fn saved(store: &Store) -> Vec<Event> {
    let mut all = Vec::new();
    store
        .read_blocking::<_, StoreError, _>(|connection| {
            events::scan(connection, &events::Scan::default(), |event| {
                all.push(event);
                Ok(ControlFlow::Continue(()))
            })
        })
        .unwrap();
    all
}

#[tokio::test]
async fn a_saved_message_is_printed_with_its_reference() {
    let (options, store) = saving(true);
    let (mut pipeline, written) = pipeline(options, Format::Json);
    let placed = Message {
        name: Some("order.placed"),
        id: Some("41"),
        ..message(r#"{ "a":1.0 }"#)
    };
    let _ = pipeline.take(&placed);
    pipeline.reached("41");
    assert_eq!(written.text(), "");
    let _ = pipeline.settle().await;
    let (stats, stop) = pipeline.finish().await;
    assert_eq!(cursor(&store).as_deref(), Some("41"));
    assert!(stop.is_none(), "{stop:?}");
    assert_eq!(stats.saved, 1);
    assert!(written.text().starts_with(r#"{"ref":"e_0001","seq":1,"#));

    let saved = saved(&store);
    assert_eq!(saved.len(), 1);
    assert_eq!(saved[0].body, r#"{ "a":1.0 }"#);
    assert_eq!(saved[0].meta.kind.as_deref(), Some("order.placed"));
    assert_eq!(saved[0].meta.id.as_deref(), Some("41"));
    assert_eq!(
        (saved[0].source, saved[0].transport),
        (Source::Tail, Transport::Sse)
    );
    assert_eq!(saved[0].target, "/events");
    assert_eq!(saved[0].headers["content-type"], "application/json");
    assert_eq!(saved[0].headers["last-event-id"], "41");
}

#[tokio::test]
async fn a_dropped_commit_saves_each_message_once() {
    let (options, store) = saving(true);
    let (mut pipeline, written) = pipeline(options, Format::Json);
    for number in 0..20 {
        let data = number.to_string();
        let _ = pipeline.take(&message(&data));
        let settling = pipeline.settle();
        let _ = tokio::time::timeout(Duration::ZERO, settling).await;
    }
    pipeline.finish().await;
    let bodies: Vec<String> = saved(&store)
        .iter()
        .map(|event| String::from_utf8_lossy(&event.body).into_owned())
        .collect();
    assert!(
        bodies.iter().cloned().eq((0..20).map(|n| n.to_string())),
        "{bodies:?}"
    );
    assert_eq!(written.lines().len(), 20);
}

#[tokio::test]
async fn a_cursor_without_saved_events_waits_for_stdout() {
    let (options, store) = saving(false);
    let (mut pipeline, _written, open, _) = stalled(options);
    let _ = pipeline.take(&message("1"));
    pipeline.reached("1");
    let _ = pipeline.settle().await;
    // After this commit all earlier tasks have run.
    store.write::<_, StoreError, _>(|_| Ok(())).await.unwrap();
    assert_eq!(cursor(&store), None);
    drop(open);
    pipeline.finish().await;
    assert_eq!(cursor(&store).as_deref(), Some("1"));
}

#[tokio::test]
async fn a_cursor_does_not_pass_a_message_that_arrived_after_the_end() {
    let (options, store) = saving(false);
    let options = PipelineOptions {
        fail_on_gap: true,
        ..options
    };
    let (mut pipeline, written) = pipeline(options, Format::Json);
    let _ = pipeline.take(&message("1"));
    pipeline.reached("41");
    let _ = pipeline.settle().await;
    pipeline.notice(gap());
    assert!(pipeline.take(&message("2")).is_break());
    pipeline.reached("42");
    let _ = pipeline.settle().await;
    pipeline.finish().await;
    assert_eq!(pipeline.position(), Some("41"));
    assert_eq!(written.lines().len(), 1);
    assert_eq!(cursor(&store).as_deref(), Some("41"));
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn a_cursor_does_not_pass_an_unrecorded_message() {
    let (options, store) = saving(false);
    let options = PipelineOptions {
        record: Some("/dev/full".into()),
        ..options
    };
    let (mut pipeline, _) = pipeline(options, Format::Json);
    let _ = pipeline.take(&message("1"));
    pipeline.reached("41");
    let _ = pipeline.settle().await;
    let (_, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::Record { .. })), "{stop:?}");
    assert_eq!(cursor(&store), None);
}

#[tokio::test]
async fn a_recording_preserves_every_byte() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("feed.ndjson");
    let options = PipelineOptions {
        record: Some(path.clone()),
        ..options()
    };
    let (mut pipeline, _) = pipeline(options, Format::Json);
    let binary = Message {
        name: Some("bytes"),
        data: b"\xff\n",
        ..Message::default()
    };
    feed(&mut pipeline, &[message("{ \"a\":\n1.0 }"), binary]).await;
    pipeline.finish().await;
    let file = std::fs::read(&path).unwrap();
    let events: Vec<Event> = file
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| crate::archive::ndjson::read(line).unwrap())
        .collect();
    assert_eq!(events[0].body, "{ \"a\":\n1.0 }");
    assert_eq!(events[1].body, &b"\xff\n"[..]);
    assert_eq!(events[1].meta.kind.as_deref(), Some("bytes"));
    assert_eq!(events[1].target, "/events");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_recording_on_a_full_disk_ends_the_stream() {
    let path = PathBuf::from("/dev/full");
    let options = PipelineOptions {
        record: Some(path.clone()),
        ..options()
    };
    let (mut pipeline, _) = pipeline(options, Format::Json);
    assert_eq!(feed(&mut pipeline, &[message("1"), message("2")]).await, 1);
    let (_, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::Record { path: full, .. }) if full == path));
}

#[tokio::test]
async fn a_recording_that_cannot_be_opened_prevents_the_start() {
    let home = tempfile::tempdir().unwrap();
    let options = PipelineOptions {
        record: Some(home.path().join("no/such/folder")),
        ..options()
    };
    let (mut pipeline, _) = pipeline(options, Format::Json);
    assert!(pipeline.end.stop.is_cancelled());
    assert!(pipeline.take(&message("1")).is_break());
    let (_, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::Record { .. })), "{stop:?}");
}

/// A target that responds after the pipeline has stopped waiting for it.
async fn late_target() -> Target {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut peer, _) = listener.accept().await.unwrap();
        let _ = peer.read(&mut [0; 4096]).await;
        tokio::time::sleep(save::DRAIN + Duration::from_millis(300)).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let _ = peer.write_all(answer).await;
        let _ = peer.read(&mut [0; 1]).await;
    });
    address.to_string().parse().unwrap()
}

#[tokio::test]
async fn a_delivery_that_ends_during_the_shutdown_is_counted_once() {
    let (mut options, _store) = saving(true);
    if let Some(save) = &mut options.save {
        save.forward = Some(Forward {
            to: Destination::Http(late_target().await),
            retry: crate::backoff::Retry::dev(),
            timeout: Duration::from_secs(30),
            secret: None,
            dialer: crate::dial::Dialer::new(crate::dial::AddressPolicy::Local),
            complete: crate::sink::as_it_is(),
        });
    }
    let (mut pipeline, _) = pipeline(options, Format::Json);
    feed(&mut pipeline, &[message("1")]).await;
    let (stats, _) = pipeline.finish().await;
    assert_eq!(stats.delivered + stats.waiting, 1, "{stats:?}");
}

#[tokio::test]
async fn skipped_messages_are_one_gap_per_piece() {
    let (mut pipeline, _) = pipeline(options(), Format::Json);
    for skipped in [3, 0, 2] {
        for _ in 0..skipped {
            pipeline.notice(oversized());
        }
        assert!(pipeline.settle().await.is_continue());
    }
    let (stats, stopped) = pipeline.finish().await;
    assert_eq!((stats.malformed, stats.gaps), (5, 2));
    assert!(stopped.is_none());
}

#[tokio::test]
async fn with_fail_on_gap_a_skipped_message_ends_the_stream_before_its_position() {
    let options = PipelineOptions {
        fail_on_gap: true,
        ..options()
    };
    let (mut pipeline, written) = pipeline(options, Format::Json);
    assert!(pipeline.take(&message("1")).is_continue());
    pipeline.reached("41");
    pipeline.notice(oversized());
    assert!(pipeline.take(&message("3")).is_break());
    pipeline.reached("43");
    let (stats, stopped) = pipeline.finish().await;
    assert!(matches!(stopped, Some(Stop::Gap)), "{stopped:?}");
    assert_eq!((stats.gaps, written.lines().len()), (1, 1));
    assert_eq!(pipeline.position(), Some("41"));
}

#[tokio::test]
async fn input_that_is_not_a_message_is_no_gap() {
    let (mut pipeline, _) = pipeline(options(), Format::Json);
    pipeline.notice(Notice::Malformed {
        bytes: 3,
        why: "an attachment that no packet announced".to_owned(),
        is_lost: false,
    });
    let (stats, _) = pipeline.finish().await;
    assert_eq!((stats.malformed, stats.gaps), (1, 0));
}

#[tokio::test]
async fn members_of_the_payload_stay_in_data() {
    let payload = r#"{"id":"own","type":"chunk","time":"t","seq":7,"data":{"x":1}}"#;
    for (id, name, head) in [
        (Some("7"), None, r#""type":"message","id":"7""#),
        (None, Some("order"), r#""type":"order""#),
        (None, None, r#""type":"message""#),
    ] {
        let (mut pipeline, written) = pipeline(options(), Format::Json);
        let _ = pipeline.take(&Message {
            id,
            name,
            ..message(payload)
        });
        let _ = pipeline.finish().await;
        let line = &written.lines()[0];
        let expected = format!(r#""transport":"sse",{head},"data":{payload}}}"#);
        assert!(line.ends_with(&expected), "{line}");
    }
}

#[tokio::test]
async fn a_message_without_a_name_has_the_type_message() {
    for (pattern, matched) in [("message", 1), ("chunk", 0), ("!message", 0)] {
        let options = PipelineOptions {
            select: Select {
                types: vec![pattern.parse().unwrap()],
                ..Select::default()
            },
            ..options()
        };
        let (mut pipeline, _) = pipeline(options, Format::Json);
        let _ = pipeline.take(&message(r#"{"type":"chunk"}"#));
        assert_eq!(pipeline.finish().await.0.matched, matched, "{pattern}");
    }
}

#[tokio::test]
async fn with_fail_on_gap_dropped_messages_end_the_stream() {
    let options = PipelineOptions {
        on_slow: OnSlow::Drop,
        fail_on_gap: true,
        ..options()
    };
    let (mut pipeline, _written, open, _) = stalled(options);
    overfill(&mut pipeline).await;
    drop(open);
    let (stats, stop) = pipeline.finish().await;
    assert!(matches!(stop, Some(Stop::Gap)), "{stop:?}");
    assert!(stats.dropped > 0 && stats.gaps > 0);
}
