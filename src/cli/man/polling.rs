//! The page on polling: what a watermark promises, how it is kept, and what a server has to be able to do.

use super::page::{Block, Page, Part};
use super::topics::{items, text, topic};

const SHORT: &str = "`evt poll DATATYPE` asks the platform for records by their date of change and remembers how far it got. The first call reads what was modified since --since, or everything; each later call reads what has changed since the one before. Several changes to a record between two calls are one: only what it says at last can be read.";

const PROMISES: [(&str, &str); 4] = [
    (
        "--out FILE",
        "Each version once, also when evt is killed at any moment: the state knows how many bytes of the file count, and the next call cuts off what stands behind them. The file belongs to evt: one that is shorter than it was, or another one, is refused.",
    ),
    (
        "a pipe",
        "Nothing is lost, and a kill repeats at most one page. With --envelope a reader can tell: what has the same _evt.id is the same version. What the pipe has taken counts as read, whether or not its reader got to it: `evt poll contact | head -1` reads more than it shows.",
    ),
    (
        "--forward TARGET",
        "A record counts as read when its delivery is kept; the delivery engine does the rest. A kill may keep one twice, under the same webhook-id.",
    ),
    (
        "--exec CMD",
        "The record stands on the command's stdin, its key and type in EVT_KEY and EVT_TYPE. It counts as read when the command ends with 0; the first that fails ends the call with exit 7, and the next call begins with that record.",
    ),
];

const ASCENDING: &str = "The documentation of AppEngine sorts by modifydate downwards and takes the highest date that was seen for the next watermark. Read to the letter, that loses records: what is updated while the pages are read shifts them, what is deleted shifts them back, a call that is killed half way has stored the highest date first. So evt asks upwards, with `$gte` and the last date that came as the next bound, in place of page numbers: an updated record moves ahead of the reader, never behind it. --strategy desc asks as the documentation does, and moves the upper bound instead of the page.";

const KEPT: [(&str, &str); 6] = [
    (
        "Frontier",
        "Up to here everything is out. It moves when what it covers was written, and never beyond the server's own clock, so that a record from the future hides nothing.",
    ),
    (
        "Lookback",
        "A record may become visible after its date: a slow transaction, a clock that is behind. Each call reads again from --lookback (2m) before the frontier. Records that become visible later than that are found by --reconcile alone, which learns in its first call what there is; a longer lookback counts from the next call on.",
    ),
    (
        "Digests",
        "What was emitted within the lookback is remembered by a hash of what it says, so that reading twice repeats nothing, and two versions of one second are two. --ignore-field names what changes without meaning.",
    ),
    (
        "Settled",
        "Once a whole lookback has passed since the frontier was reached, it is not read again: ten thousand records of one instant cost nothing any more.",
    ),
    (
        "Fingerprint",
        "A state belongs to one platform, organisation, datatype, --query, --key and --field. Another question needs another --state-key. A platform of evt dev is known by its data, not by its port.",
    ),
    (
        "Lock",
        "One poller has a state at a time; the second is told which process has it. --force takes over, and the other one ends at its next commit.",
    ),
];

const SERVERS: &str = "Nothing is believed because it was asked for: each answer is held against its question. One that is not what was asked for is asked for again, then the server is read in another way, and evt says so:";
const WAYS: [(&str, &str); 4] = [
    (
        "it sorts downwards only",
        "The upper bound moves; the frontier moves at the end, to the greatest date of the first page.",
    ),
    (
        "it does not sort, or ignores bounds",
        "All of it is read page by page (skip, or page numbers from 0 or 1: whichever works), until a pass finds nothing new.",
    ),
    (
        "more records share an instant than a page holds",
        "One larger page; else key by key within the instant; else page by page.",
    ),
    (
        "it obeys neither sort nor bounds nor paging",
        "Exit 11: nobody can tell whether there is more.",
    ),
];

const FAILURES: &str = "Lost connections, 408, 429 and 5xx, answers that are cut, are no JSON or have no list of records are asked for again, up to 12 times, at growing intervals. An empty page is believed when it comes four times in a row. Retry-After is kept to the letter, also by the next call after a kill; a wait beyond --max-wait is exit 6. With --follow evt goes on for as long as the server is away.";

const DELETIONS: &str = "A deletion that sets a state (state, status: \"deleted\", or deleted: true) is a change like any other; --envelope calls it `delete`. A record that is simply gone cannot be seen by its date. --deletes sweep walks through all keys after each call: one that two walks have missed, and that is not found by itself either, is told as {\"op\":\"delete\",\"key\":…}. An automation on collection-delete with `evt listen` tells it at once.";

const UNDATED: &str = "Records without a date are never found by one. The first call says how many there are, where the server tells; --undated include reads them too, --undated fail makes them exit 11.";

const SINGER: &str = "--format singer prints SCHEMA, RECORD and STATE for any Singer target. A STATE stands behind the records that it covers; what the target gives back is taken by `evt poll state set KEY -`.";

const STATE: [(&str, &str); 5] = [
    (
        "evt poll state list",
        "how far each one has come, and who has it",
    ),
    (
        "evt poll state show contact",
        "one of them, with what it belongs to",
    ),
    (
        "evt poll state export contact > state.json",
        "all of it as JSON, to be taken elsewhere by set; the one before the last call is kept beside it, as KEY.last.json",
    ),
    (
        "evt poll state set contact state.json",
        "go on where that was",
    ),
    (
        "evt poll state reset contact --to 2026-04-25",
        "read again from there; without --to from the beginning. What was there is exported first",
    ),
];

pub(super) fn page() -> Page {
    let code = |lines: &[&str]| Block::Code(lines.iter().map(|line| (*line).to_owned()).collect());
    topic(
        "polling",
        "what evt poll promises, and how it keeps it",
        vec![
            Part::new("In short", vec![text(SHORT)]),
            Part::new("What is promised", vec![items(&PROMISES)]),
            Part::new(
                "Why upwards",
                vec![
                    text(ASCENDING),
                    code(&[
                        r#"{"query":{"modifydate":{"$gte":"2026-04-25T00:00:00Z"}},"options":{"sort":{"modifydate":1,"sk":1},"pageSize":100}}"#,
                        r#"{"query":{"modifydate":{"$gte":"2026-04-25T00:00:00Z"}},"options":{"sort":{"modifydate":-1},"pageSize":100}}   # --strategy desc"#,
                    ]),
                ],
            ),
            Part::new("What is remembered", vec![items(&KEPT)]),
            Part::new("Servers", vec![text(SERVERS), items(&WAYS), text(FAILURES)]),
            Part::new("Deletions and dates", vec![text(DELETIONS), text(UNDATED)]),
            Part::new("Singer", vec![text(SINGER)]),
            Part::new("State", vec![items(&STATE)]),
        ],
    )
}
