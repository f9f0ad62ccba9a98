//! Measures how long one message takes in the pipeline: parsed, selected, written as a record. Prints nanoseconds per
//! message. Run it with `cargo bench --bench pipeline`.

#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::hint::black_box;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use evt::event::Transport;
use evt::pipeline::{OnSlow, Pipeline, PipelineOptions, Show};
use evt::select::Select;
use evt::source::{Message, Outlet};
use evt::ui::{Format, Manner, Ui};
use evt::{envelope, record, shape::Shape};
use http::HeaderMap;
use tokio_util::sync::CancellationToken;

/// 200 bytes, a typical size of an event.
const SMALL: &str = r#"{"id":"ord_000000000001","type":"order.placed","total":140.50,"currency":"EUR","customer":{"id":"cus_42","name":"Ada Lovelace"},"items":[{"sku":"a-1","n":2},{"sku":"b-2","n":1}],"paid":true,"at":1777}"#;
/// Messages between two calls of `settle`. A piece of 64 KiB contains this many small ones.
const PIECE: usize = 300;

/// Discards everything without cost.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(all());
}

async fn all() {
    let large = format!(r#"{{"type":"large","text":"{}"}}"#, "x".repeat(64 * 1024));
    let deep = format!(
        r#"{{"type":"deep","v":{}1{}}}"#,
        "[".repeat(90),
        "]".repeat(90)
    );
    let select = |types: &[&str], condition: Option<&str>| Select {
        types: types
            .iter()
            .map(|rule| rule.parse().expect("a type"))
            .collect(),
        condition: condition.map(|text| text.parse().expect("a condition")),
        ..Select::default()
    };
    let every = Select::default();
    report("record, 200 bytes of JSON", SMALL, every.clone(), None).await;
    report("record, text", "Hello, this is text.", every.clone(), None).await;
    report("record, 90 levels", &deep, every.clone(), None).await;
    report("record, 64 KiB", &large, every.clone(), None).await;
    let types = select(&["order.*", "!order.deleted"], None);
    report("--type, matches", SMALL, types, None).await;
    let others = select(&["chat.*"], None);
    report("--type, does not match", SMALL, others, None).await;
    let condition = select(
        &[],
        Some("data.total > 100.0 && data.customer.id == 'cus_42'"),
    );
    report("--where, matches", SMALL, condition, None).await;
    let shape = ".data.total".parse().expect("an expression");
    report("--jq", SMALL, every, Some(shape)).await;
    parts();
}

/// Measures the steps separately.
fn parts() {
    let none = HeaderMap::new();
    let body = SMALL.as_bytes();
    let peek = envelope::peek(&none, body);
    let measured = measure(|| {
        black_box(envelope::peek(&none, black_box(body)));
    });
    println!("pipeline, looked at: {measured} ns");
    let mut out = Vec::with_capacity(1024);
    let measured = measure(|| {
        out.clear();
        let message = record::Streamed {
            reference: None,
            seq: 1_234_567,
            received_at: "2026-04-25T10:00:00.000Z",
            transport: Transport::Sse,
            name: None,
            id: Some("1234567"),
            channel: None,
            headers: None,
            ack: None,
            peek: &peek,
            body: black_box(body),
        };
        record::write_streamed(&message, &mut out);
    });
    println!("pipeline, written: {measured} ns");
}

async fn report(name: &str, data: &str, select: Select, shape: Option<Shape>) {
    let options = PipelineOptions {
        source: evt::event::Source::Tail,
        transport: Transport::Sse,
        name: "http://feed.test/events".to_owned(),
        select,
        expect: None,
        count: None,
        show: Show::Event,
        is_one_answer: false,
        shape,
        on_slow: OnSlow::Block,
        save: None,
        exec: None,
        record: None,
        fail_on_gap: false,
        known_paths: Vec::new(),
        pulse: Arc::default(),
    };
    let manner = Manner {
        format: Format::Json,
        ..Manner::default()
    };
    let ui = Arc::new(Ui::to(manner, Box::new(Nowhere)));
    let mut pipeline = Pipeline::new(options, ui, CancellationToken::new());
    let message = Message {
        id: Some("1234567"),
        data: data.as_bytes(),
        ..Message::default()
    };
    let mut best = Duration::MAX;
    // One round takes about a tenth of a second.
    let pieces = 20_000_000 / (PIECE * (data.len() + 300)) + 1;
    for _ in 0..7 {
        let started = Instant::now();
        for _ in 0..pieces {
            for _ in 0..PIECE {
                let flow = pipeline.take(black_box(&message));
                assert!(flow.is_continue(), "the pipeline wants more");
            }
            let flow = pipeline.settle().await;
            assert!(flow.is_continue(), "the pipeline wants more");
        }
        best = best.min(started.elapsed());
    }
    let nanos = best.as_nanos() as f64 / (pieces * PIECE) as f64;
    let (stats, _) = pipeline.finish().await;
    println!(
        "pipeline, {name}: {nanos:.0} ns, {:.2} M/s ({} of {} printed)",
        1_000.0 / nanos,
        stats.matched,
        stats.received
    );
}

/// Nanoseconds of one run: the best of five rounds.
fn measure(mut run: impl FnMut()) -> u128 {
    const TIMES: u32 = 100_000;
    let rounds = (0..5).map(|_| {
        let started = Instant::now();
        for _ in 0..TIMES {
            run();
        }
        started.elapsed()
    });
    rounds.min().unwrap_or_default().as_nanos() / u128::from(TIMES)
}
