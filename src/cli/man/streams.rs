//! The page on streams: what each kind promises, and what `evt tail` makes of it.

use super::page::{Block, Page, Part};
use super::topics::{items, text, topic};

const SHORT: &str = "A stream is a conversation that somebody else may end. What is missed while nobody listens is gone, unless the server keeps it. `evt tail` cannot change that, but it says so: at the start what the stream promises, afterwards each time that something may have been missed, at the end how much came and how to go on.";

const PROMISES: [(&str, &str); 4] = [
    (
        "at most once",
        "What is sent while the connection is lost is lost too. Each loss is a gap.",
    ),
    (
        "resumable if it sends ids",
        "What a stream of server-sent events is before its first event. With ids it can be gone on with; without them it is at most once.",
    ),
    (
        "resumable by server",
        "The server keeps what is missed for a while and sends it after the connection is back. Events may then come twice; Socket.IO's are shown once.",
    ),
    (
        "exactly once",
        "No stream promises this, and neither does evt. Give events ids, and take none twice.",
    ),
];

const KINDS: [(&str, &str); 4] = [
    (
        "Server-sent events",
        "http:// and https://. Resumable where the server gives ids and understands Last-Event-ID; evt sends the last id at each connect, and the first event tells whether the server went on from there. When the server starts over with an id that was there before, or sends none, the time in between is a gap. Comments are signs of life, 204 is the end, `retry:` is the least wait. An answer of application/x-ndjson is read line by line.",
    ),
    (
        "AI answers",
        "A stream's id, or --agent NAME \"message\". The question is asked once and never again; the answer can be read again as long as the platform keeps it. It is over when the platform says so: exit 0, or 6 where the answer failed.",
    ),
    (
        "WebSocket",
        "ws:// and wss://. At most once, and there is no way to ask for what was missed: after each loss there is a gap. --send-on-connect is sent at every connect, so that a subscription comes back with the connection. A ping every 20 s tells a quiet peer from a dead one. Close codes are shown with their reasons; 1000 is an end; 1001, 1011 to 1014 and a lost line are reasons to connect again; the others are errors. With --until-end only a lost line is made again.",
    ),
    (
        "Socket.IO",
        "socketio+http:// and socketio+https://, and --gateway NAME. At most once, unless the server has connection state recovery switched on: then what is missed during a short loss comes afterwards. A server that cannot recover is a gap. Several namespaces share one connection. A disconnect by the server is an end. data is the argument of an event, where it has one that is no list, else the list of all: emit(\"e\", 1, 2) is [1,2], emit(\"e\", [1, 2]) is [[1,2]].",
    ),
];

const GAP: &str = "A gap says from where to where, since when until when, why, and how many are lost where that can be known. It stands on stderr, with -o json as a line of its own:";
const GAP_LINE: &str = r#"{"notice":"gap","type":"gap","from":"41","to":null,"reason":"…","lost":"unknown","since":"…","until":"…"}"#;
const GAP_END: &str = "--fail-on-gap makes it the end: exit 11, and at the loss itself where there is nothing to go on from. Events that are dropped because a reader is slow are counted, said and treated in the same way.";

const RESUME: [(&str, &str); 3] = [
    (
        "evt tail URL --resume orders",
        "keeps the place under a name, once what it covers was printed or kept, and goes on there the next time; a stream that sends no ids has no places: that is said at the end, and the next run begins with a gap. Not for WebSocket. One command has a name at a time",
    ),
    (
        "evt tail URL --last-event-id 42",
        "goes on after an id; Ctrl-C prints this command with the last one",
    ),
    (
        "evt tail URL --save",
        "keeps the events themselves: evt events list, replay, export",
    ),
];

const LOST: &str = "A lost connection is made again, after a wait that is drawn between nothing and half a second, then one, two, four … at most thirty, above what the server asks for. A first attempt that fails is an error, so that a typing error does not wait for ever; with --reconnect it is tried again too. A refusal for want of permission (401, 403) is never tried again. --max-retries N bounds the failures in a row, --no-reconnect allows none.";

const SLOW: [(&str, &str); 3] = [
    (
        "--on-slow block",
        "The stream waits, and its connection is kept alive where the protocol allows it. Nothing is lost here; what the server does with a slow client is its own affair.",
    ),
    (
        "--on-slow drop",
        "What finds no room is dropped, counted and said. For screens, not for records.",
    ),
    (
        "--on-slow exit",
        "The command ends with exit 11. For pipelines that must be whole or nothing.",
    ),
];

const TALK: [(&str, &str); 4] = [
    (
        "-i",
        "Each line of stdin is sent: text to a WebSocket, `event json…` to Socket.IO. Ctrl-D on a terminal ends the stream; the end of a pipe does not, because the answers are still to come: --count, --for or --until-end say when it is enough.",
    ),
    (
        "--send-on-connect TEXT",
        "Said at every connect, before anything else.",
    ),
    (
        "--ack, --ack='[\"ok\"]'",
        "Socket.IO: events that want to be acknowledged are. Without it they are shown with their number and left.",
    ),
    (
        "--echo",
        "Each message is answered with itself, for tests of servers.",
    ),
];

const ENDS: [(&str, &str); 9] = [
    (
        "0",
        "Ctrl-C, the stream's own end, --count or --expect met, --for over with nothing else asked for, stdout closed",
    ),
    ("3", "there is no such stream: 404"),
    (
        "4",
        "not allowed: 401, 403, or the protocol's own word for it",
    ),
    (
        "5",
        "cannot be reached, not connected when --for was over, --max-retries spent, or lost with --no-reconnect",
    ),
    (
        "6",
        "refused for another reason, closed with an error, or an AI answer that failed",
    ),
    (
        "9",
        "the goal was not met: --count or --expect at the end, --until-end or an AI answer when --for was over",
    ),
    (
        "11",
        "a gap with --fail-on-gap, a slow reader with --on-slow exit",
    ),
    ("130", "Ctrl-C before a stated goal"),
    (
        "2",
        "a flag of another kind of stream, or credentials that cannot be made",
    ),
];

const WHO: &str = "The profile's token and organisation are sent to the profile's own platform, and to nobody else. For another server say what it wants: -H 'Authorization: …', --auth for Socket.IO, or --token-cmd, whose command makes a new token for each connection. A redirect to another server takes no credentials along.";

/// `evt man streams`
pub(super) fn page() -> Page {
    let code = |line: &str| Block::Code(vec![line.to_owned()]);
    topic(
        "streams",
        "what a stream promises, what a gap is, how to go on",
        vec![
            Part::new("In short", vec![text(SHORT)]),
            Part::new("Promises", vec![items(&PROMISES)]),
            Part::new("Kinds of streams", vec![items(&KINDS)]),
            Part::new("Gaps", vec![text(GAP), code(GAP_LINE), text(GAP_END)]),
            Part::new("Going on later", vec![items(&RESUME)]),
            Part::new("Connecting again", vec![text(LOST)]),
            Part::new("Slow readers", vec![items(&SLOW)]),
            Part::new("Talking back", vec![items(&TALK)]),
            Part::new("Credentials", vec![text(WHO)]),
            Part::new("How it ends", vec![items(&ENDS)]),
        ],
    )
}
