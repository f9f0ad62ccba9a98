//! The table of cases, in the order in which they are tried and shown.

use super::judge::GOOD;
use super::{Case, Expect, Group, Make, handshake, make};

/// A row of the table.
const fn case(
    group: Group,
    name: &'static str,
    expect: Expect,
    make: Make,
    [proves, mend]: [&'static str; 2],
) -> Case {
    Case {
        name,
        group,
        proves,
        make,
        expect,
        mend,
    }
}

const VERIFY_FIRST: &str =
    "verify the raw bytes of the body before anything else, and answer 401 where they do not fit";
const ALL_HEADERS: &str = "refuse with 401 what lacks a header of the signature";
const ONE_VALUE: &str = "for information: nobody without the secret can make such a request; \
     to refuse a header that comes twice is simplest";
const COMPARE_CLOCK: &str = "compare the signed timestamp with the clock; five minutes are usual";
const MAKE_THE_MAC: &str =
    "compute the signature with your secret and compare it in constant time; no header, no entry";

/// Every case.
pub static CASES: &[Case] = &[
    case(
        Group::Accepts,
        GOOD,
        Expect::Accepted,
        make::good,
        [
            "secret, path and verification fit the sender",
            "give the endpoint the secret of --secret, and verify the raw bytes of the body, before any parser",
        ],
    ),
    case(
        Group::Accepts,
        "another good one",
        Expect::Accepted,
        make::good,
        [
            "it takes more than one, each under its own id",
            "look for what the first one left: an id, a lock, a connection",
        ],
    ),
    case(
        Group::Accepts,
        "letters beyond ASCII",
        Expect::Accepted,
        make::unicode,
        [
            "it verifies bytes, not text that was decoded and written again",
            "verify the body's bytes as they came: no decoding, no JSON written anew",
        ],
    ),
    case(
        Group::Accepts,
        "an unknown event type",
        Expect::Accepted,
        make::unknown_type,
        [
            "it survives events that its vendor adds",
            "answer 2xx to types that you do not handle: vendors switch off endpoints that fail",
        ],
    ),
    case(
        Group::Accepts,
        "an empty body",
        Expect::Answered,
        make::empty_body,
        [
            "it does not crash on what is no event",
            "an empty body is no event: answer 400, and do not crash",
        ],
    ),
    case(
        Group::Accepts,
        "a body of 1 MiB",
        Expect::AcceptedOrTooLarge,
        make::large,
        [
            "large events arrive, or are refused in order",
            "raise the limit for bodies, or refuse with 413; do not hang up",
        ],
    ),
    case(
        Group::Accepts,
        "a second signature",
        Expect::Accepted,
        make::rotation,
        [
            "it survives the replacement of a secret",
            "look at every signature of the list: one that fits is enough",
        ],
    ),
    case(
        Group::Refuses,
        "a changed body",
        Expect::Refused,
        make::changed_body,
        ["nobody can change what was signed", VERIFY_FIRST],
    ),
    case(
        Group::Refuses,
        "a changed signature",
        Expect::Refused,
        make::changed_signature,
        ["the signature is compared as a whole", VERIFY_FIRST],
    ),
    case(
        Group::Refuses,
        "signed an hour ago",
        Expect::Refused,
        make::stale,
        [
            "what was recorded cannot be sent again later",
            COMPARE_CLOCK,
        ],
    ),
    case(
        Group::Refuses,
        "signed in an hour",
        Expect::Refused,
        make::early,
        ["the clock is compared on both sides", COMPARE_CLOCK],
    ),
    case(
        Group::Refuses,
        "no signature header",
        Expect::Refused,
        make::no_signature,
        ["verification cannot be left out", ALL_HEADERS],
    ),
    case(
        Group::Refuses,
        "no timestamp header",
        Expect::Refused,
        make::no_stamp,
        ["the timestamp cannot be left out", ALL_HEADERS],
    ),
    case(
        Group::Refuses,
        "no id header",
        Expect::Refused,
        make::no_id,
        ["the signed id cannot be left out", ALL_HEADERS],
    ),
    case(
        Group::Refuses,
        "a wrong header first",
        Expect::Whatever,
        make::wrong_before_right,
        [
            "proxy and app cannot read two different signatures",
            ONE_VALUE,
        ],
    ),
    case(
        Group::Refuses,
        "a wrong header second",
        Expect::Whatever,
        make::right_before_wrong,
        [
            "proxy and app cannot read two different signatures",
            ONE_VALUE,
        ],
    ),
    case(
        Group::Refuses,
        "an empty signature",
        Expect::Refused,
        make::empty_signature,
        ["nothing is not taken for equal", MAKE_THE_MAC],
    ),
    case(
        Group::Refuses,
        "another key",
        Expect::Refused,
        make::wrong_key,
        ["only your sender can sign", MAKE_THE_MAC],
    ),
    case(
        Group::Refuses,
        "another vendor's scheme",
        Expect::Refused,
        make::another_scheme,
        ["only the scheme in use counts", MAKE_THE_MAC],
    ),
    case(
        Group::Refuses,
        "nothing signed",
        Expect::Refused,
        make::unsigned,
        ["strangers cannot make events", MAKE_THE_MAC],
    ),
    case(
        Group::Behaves,
        "answers in time",
        Expect::InTime,
        make::good,
        [
            "the vendor does not give up on it",
            "answer first and work afterwards: put the event on a queue",
        ],
    ),
    case(
        Group::Behaves,
        "the same one twice",
        Expect::Twice,
        make::twice,
        [
            "a delivery that comes again is no failure",
            "answer 2xx to what you have seen before: vendors send again when an answer gets lost",
        ],
    ),
    case(
        Group::Behaves,
        "a GET without signature",
        Expect::NoCrash,
        make::get,
        [
            "whoever finds the URL cannot make it crash",
            "answer 405 or 404 to what is no delivery",
        ],
    ),
    case(
        Group::Handshake,
        "meta: verification",
        Expect::Reply(handshake::echoed),
        handshake::meta,
        [
            "Meta can subscribe it",
            "answer 200 with the text of hub.challenge, and nothing else",
        ],
    ),
    case(
        Group::Handshake,
        "meta: a wrong token",
        Expect::Refused,
        handshake::meta_wrong,
        [
            "nobody else can subscribe it",
            "compare hub.verify_token with yours, and answer 403 where it is another",
        ],
    ),
    case(
        Group::Handshake,
        "twitter: CRC",
        Expect::Reply(handshake::twitter_reply),
        handshake::twitter,
        [
            "X keeps sending to it",
            "answer {\"response_token\": \"sha256=…\"}: base64 of HMAC-SHA256 of crc_token under the consumer secret",
        ],
    ),
    case(
        Group::Handshake,
        "slack: url_verification",
        Expect::Reply(handshake::slack_reply),
        handshake::slack,
        [
            "Slack can subscribe it",
            "answer 200 with the text of `challenge`",
        ],
    ),
    case(
        Group::Handshake,
        "twitch: callback",
        Expect::Reply(handshake::echoed),
        handshake::twitch,
        [
            "Twitch can subscribe it",
            "answer 200 with the text of `challenge`, and nothing else",
        ],
    ),
    case(
        Group::Handshake,
        "discord: PING",
        Expect::Reply(handshake::discord_reply),
        handshake::discord,
        [
            "Discord takes its URL",
            "answer {\"type\": 1} to an interaction's PING, 204 to that of webhook events",
        ],
    ),
    case(
        Group::Handshake,
        "discord: a forged PING",
        Expect::RefusedWith(401),
        handshake::discord_forged,
        [
            "Discord keeps its URL: it tries this now and then",
            "answer 401 to a signature that does not fit, also of a PING",
        ],
    ),
    case(
        Group::Handshake,
        "linkedin: challenge",
        Expect::Reply(handshake::linkedin_reply),
        handshake::linkedin,
        [
            "LinkedIn can subscribe it",
            "answer challengeCode and challengeResponse: hexadecimal HMAC-SHA256 of the code under the client secret",
        ],
    ),
    case(
        Group::Handshake,
        "sns: confirmation",
        Expect::Answered,
        handshake::sns,
        ["SNS can subscribe it", ""],
    ),
];
