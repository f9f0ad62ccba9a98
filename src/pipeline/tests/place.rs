//! Where to go on, and what was in nothing that came.

use super::*;

#[tokio::test]
async fn the_place_that_is_told_is_one_whose_records_were_written() {
    let (mut pipeline, written) = pipeline(options(), Format::Json);
    pipeline.begins_at("40");
    let _ = pipeline.take(&message("1"));
    pipeline.reached("41");
    let _ = pipeline.settle().await;
    let (stats, _) = pipeline.finish().await;
    assert_eq!(written.lines().len(), 1);
    assert_eq!((pipeline.place(), stats.printed), (Some("41"), 1));
}

#[tokio::test]
async fn with_exit_the_place_is_before_what_a_slow_reader_did_not_take() {
    let options = PipelineOptions {
        on_slow: OnSlow::Exit,
        ..options()
    };
    let (mut pipeline, _written, open, _) = stalled(options);
    pipeline.begins_at("40");
    let _ = pipeline.take(&message("1"));
    pipeline.reached("41");
    overfill(&mut pipeline).await;
    let (_, stop) = pipeline.finish().await;
    drop(open);
    assert!(matches!(stop, Some(Stop::SlowReader)), "{stop:?}");
    assert_eq!(pipeline.place(), Some("40"));
}

/// A reader that takes so many bytes, and then no more until the sender is dropped.
struct Tired {
    left: usize,
    gate: mpsc::Receiver<()>,
}

impl Write for Tired {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            let _ = self.gate.recv();
        }
        let taken = bytes.len().min(self.left.max(1));
        self.left = self.left.saturating_sub(taken);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_a_reader_took_before_it_was_too_slow_is_told() {
    let (open, gate) = mpsc::channel();
    let tired = Tired {
        left: 100_000,
        gate,
    };
    let ui = Arc::new(Ui::to(manner(Format::Json), Box::new(tired)));
    let options = PipelineOptions {
        on_slow: OnSlow::Exit,
        ..options()
    };
    let mut pipeline = Pipeline::new(options, Arc::clone(&ui), CancellationToken::new());
    let data = format!("\"{}\"", "x".repeat(1_000));
    for number in 1.. {
        let flow = pipeline.take(&message(&data));
        pipeline.reached(&number.to_string());
        if flow.is_break() || pipeline.settle().await.is_break() {
            break;
        }
        if number == 1 {
            // However late the thread that writes comes to its turn: the reader has taken this one.
            assert!(ui.written(ui.handed_over()).await);
        }
    }
    let (stats, stop) = pipeline.finish().await;
    drop(open);
    assert!(matches!(stop, Some(Stop::SlowReader)), "{stop:?}");
    let place: u64 = pipeline.place().unwrap().parse().unwrap();
    assert!((1..100).contains(&place), "{place}");
    assert_eq!(stats.printed, place);
}

#[tokio::test]
async fn a_stream_without_positions_leaves_a_sign_of_its_run() {
    for events in [false, true] {
        let (options, store) = keeping(events);
        let (mut pipeline, _) = pipeline(options, Format::Json);
        let _ = pipeline.take(&message("1"));
        let _ = pipeline.settle().await;
        pipeline.finish().await;
        assert_eq!(cursor(&store).as_deref(), Some(""), "{events}");
        assert_eq!(pipeline.place(), None);
    }
}

#[tokio::test]
async fn a_position_is_not_forgotten_over_messages_without_one() {
    let (options, store) = keeping(true);
    let (mut pipeline, _) = pipeline(options, Format::Json);
    pipeline.begins_at("41");
    let _ = pipeline.take(&message("1"));
    let _ = pipeline.settle().await;
    pipeline.finish().await;
    assert_eq!(cursor(&store), None);
    assert_eq!(pipeline.place(), Some("41"));
}

#[tokio::test]
async fn a_field_that_no_message_had_is_remembered_until_one_matches() {
    let absent = |condition: &str, data: &'static [&'static str]| {
        let select = Select {
            condition: Some(condition.parse().unwrap()),
            ..Select::default()
        };
        let (mut pipeline, _) = pipeline(
            PipelineOptions {
                select,
                ..options()
            },
            Format::Json,
        );
        for data in data {
            let _ = pipeline.take(&message(data));
        }
        pipeline.absent.unwrap_or_default()
    };
    let condition = "data.amont > 5 && data.vip";
    assert_eq!(
        absent(condition, &[r#"{"amount":9}"#, r#"{"vip":false}"#]),
        ["data.amont > 5"]
    );
    assert!(absent(condition, &[r#"{"amont":1,"vip":true}"#]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cursor_does_not_pass_what_nobody_read() {
    let (options, store) = keeping(false);
    let (mut pipeline, _written, _open, stop) = stalled(options);
    let _ = pipeline.take(&message("1"));
    pipeline.reached("1");
    let _ = pipeline.settle().await;
    stop.cancel();
    let (stats, _) = pipeline.finish().await;
    assert_eq!(cursor(&store), None);
    assert_eq!(
        (pipeline.place(), stats.received, stats.printed),
        (None, 1, 0)
    );
}
