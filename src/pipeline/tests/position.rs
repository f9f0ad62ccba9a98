//! Where to resume, and fields that no message had.

use super::*;

#[tokio::test]
async fn the_position_covers_only_written_records() {
    let (mut pipeline, written) = pipeline(options(), Format::Json);
    pipeline.starts_at("40");
    let _ = pipeline.take(&message("1"));
    pipeline.reached("41");
    let _ = pipeline.settle().await;
    let (stats, _) = pipeline.finish().await;
    assert_eq!(written.lines().len(), 1);
    assert_eq!((pipeline.position(), stats.printed), (Some("41"), 1));
}

#[tokio::test]
async fn with_exit_the_position_excludes_what_a_slow_reader_did_not_read() {
    let options = PipelineOptions {
        on_slow: OnSlow::Exit,
        ..options()
    };
    let (mut pipeline, _written, open, _) = stalled(options);
    pipeline.starts_at("40");
    let _ = pipeline.take(&message("1"));
    pipeline.reached("41");
    overfill(&mut pipeline).await;
    let (_, stop) = pipeline.finish().await;
    drop(open);
    assert!(matches!(stop, Some(Stop::SlowReader)), "{stop:?}");
    assert_eq!(pipeline.position(), Some("40"));
}

/// A reader that reads a number of bytes, and then nothing until the sender is dropped.
struct SlowReader {
    left: usize,
    gate: mpsc::Receiver<()>,
}

impl Write for SlowReader {
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
async fn the_position_includes_what_a_slow_reader_has_read() {
    let (open, gate) = mpsc::channel();
    let reader = SlowReader {
        left: 100_000,
        gate,
    };
    let ui = Arc::new(Ui::to(manner(Format::Json), Box::new(reader)));
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
            // Wait for the writer thread, so that the reader has read at least this record.
            assert!(ui.written(ui.handed_over()).await);
        }
    }
    let (stats, stop) = pipeline.finish().await;
    drop(open);
    assert!(matches!(stop, Some(Stop::SlowReader)), "{stop:?}");
    let position: u64 = pipeline.position().unwrap().parse().unwrap();
    assert!((1..100).contains(&position), "{position}");
    assert_eq!(stats.printed, position);
}

#[tokio::test]
async fn a_stream_without_positions_stores_an_empty_one() {
    for events in [false, true] {
        let (options, store) = saving(events);
        let (mut pipeline, _) = pipeline(options, Format::Json);
        let _ = pipeline.take(&message("1"));
        let _ = pipeline.settle().await;
        pipeline.finish().await;
        assert_eq!(cursor(&store).as_deref(), Some(""), "{events}");
        assert_eq!(pipeline.position(), None);
    }
}

#[tokio::test]
async fn a_position_survives_messages_without_one() {
    let (options, store) = saving(true);
    let (mut pipeline, _) = pipeline(options, Format::Json);
    pipeline.starts_at("41");
    let _ = pipeline.take(&message("1"));
    let _ = pipeline.settle().await;
    pipeline.finish().await;
    assert_eq!(cursor(&store).as_deref(), Some("41"));
    assert_eq!(pipeline.position(), Some("41"));
}

#[tokio::test]
async fn a_field_that_no_message_has_is_reported() {
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
        let absent = pipeline.selection.absent().iter();
        absent.map(|absent| absent.part.clone()).collect::<Vec<_>>()
    };
    let condition = "data.amont > 5 && data.vip";
    assert_eq!(
        absent(condition, &[r#"{"amount":9}"#, r#"{"vip":false}"#]),
        ["data.amont > 5"]
    );
    assert!(absent(condition, &[r#"{"amont":1,"vip":true}"#]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_cursor_does_not_pass_unread_output() {
    let (options, store) = saving(false);
    let (mut pipeline, _written, _open, stop) = stalled(options);
    let _ = pipeline.take(&message("1"));
    pipeline.reached("1");
    let _ = pipeline.settle().await;
    stop.cancel();
    let (stats, _) = pipeline.finish().await;
    assert_eq!(cursor(&store), None);
    assert_eq!(
        (pipeline.position(), stats.received, stats.printed),
        (None, 1, 0)
    );
}

#[tokio::test]
async fn a_position_is_stored_only_after_its_output_is_written() {
    let (options, store) = saving(true);
    let options = PipelineOptions {
        on_slow: OnSlow::Exit,
        ..options
    };
    let (mut pipeline, _written, open, _) = stalled(options);
    let _ = pipeline.take(&message("1"));
    pipeline.reached("41");
    let _ = pipeline.settle().await;
    assert_eq!(saved(&store).len(), 1);
    overfill(&mut pipeline).await;
    let (_, stop) = pipeline.finish().await;
    drop(open);
    assert!(matches!(stop, Some(Stop::SlowReader)), "{stop:?}");
    assert_eq!(cursor(&store), None);
}
