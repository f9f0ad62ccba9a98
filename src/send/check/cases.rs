//! The cases for every scheme, in the order in which they run. A table in Rust: each row names the function that makes its
//! requests, and the compiler checks that it exists.

use super::judge::VALID;
use super::{Bench, Case, CaseRequests, Expect, Group, Make, forge, make};

/// A row: what the right answer proves, and what to change in the endpoint if the answer is wrong.
const fn case(
    group: Group,
    name: &'static str,
    make: fn(&Bench<'_>) -> CaseRequests,
    expect: Expect,
    proves: &'static str,
    fix: &'static str,
) -> Case {
    Case {
        name,
        group,
        proves,
        fix,
        make: Make::With(make),
        expect,
    }
}

const fn accepts(
    name: &'static str,
    make: fn(&Bench<'_>) -> CaseRequests,
    expect: Expect,
    proves: &'static str,
    fix: &'static str,
) -> Case {
    case(Group::Accepts, name, make, expect, proves, fix)
}

const fn refuses(
    name: &'static str,
    make: fn(&Bench<'_>) -> CaseRequests,
    proves: &'static str,
    fix: &'static str,
) -> Case {
    case(Group::Refuses, name, make, Expect::Refused, proves, fix)
}

const fn behaves(
    name: &'static str,
    make: fn(&Bench<'_>) -> CaseRequests,
    expect: Expect,
    proves: &'static str,
    fix: &'static str,
) -> Case {
    case(Group::Behaves, name, make, expect, proves, fix)
}

const VERIFY_FIRST: &str =
    "verify the raw bytes of the body before anything else, and answer 401 if they do not match";
const WHOLE_BODY: &str =
    "compute the signature over every byte of the body as received: collect the whole body first";
const NOT_TRIMMED: &str =
    "verify the bytes of the body as received, and trim or parse them only afterwards";
const COMPARE_ALL: &str = "compare all bytes of both signatures, in constant time: not a prefix, and not only as many characters as the request has";
const ALL_HEADERS: &str = "answer 401 if a header of the signature is missing";
const ONE_VALUE: &str = "for information: only the owner of the secret can make such a request; \
     the simplest is to refuse a repeated signature header";
const COMPARE_CLOCK: &str =
    "compare the signed timestamp with the clock; five minutes are a common tolerance";
const COMPUTE_MAC: &str = "compute the signature with your secret and compare in constant time; refuse a request without one";

pub static CASES: &[Case] = &[
    accepts(
        VALID,
        make::valid,
        Expect::Accepted,
        "secret, path and verification match those of the sender",
        "configure the endpoint with the secret of --secret, and verify the raw bytes of the body before any parser",
    ),
    accepts(
        "a second valid request",
        make::valid,
        Expect::Accepted,
        "it accepts more than one request, each with its own id",
        "look for state that the first request left behind: an id, a lock, a connection",
    ),
    accepts(
        "non-ASCII letters",
        make::unicode,
        Expect::Accepted,
        "it verifies bytes, not text that was decoded and encoded again",
        "verify the bytes of the body as received, without decoding them or writing the JSON again",
    ),
    accepts(
        "spaces around the body",
        forge::spaced,
        Expect::Accepted,
        "it verifies the body as received, not trimmed",
        NOT_TRIMMED,
    ),
    accepts(
        "an unknown event type",
        make::unknown_type,
        Expect::Accepted,
        "it keeps working when the vendor adds events",
        "answer 2xx to event types that you do not handle: vendors disable endpoints that fail",
    ),
    accepts(
        "an empty body",
        make::empty_body,
        Expect::Answered,
        "it does not crash if the body is not an event",
        "answer 400 to an empty body instead of failing",
    ),
    accepts(
        "a body of 1 MiB",
        make::large,
        Expect::AcceptedOrTooLarge,
        "it accepts large events, or refuses them properly",
        "raise the limit for bodies, or answer 413; do not close the connection",
    ),
    accepts(
        "a second signature",
        make::rotation,
        Expect::Accepted,
        "it keeps working while the secret is being replaced",
        "compare every signature in the list: one match is enough",
    ),
    refuses(
        "a changed body",
        make::changed_body,
        "an attacker cannot change a signed body",
        VERIFY_FIRST,
    ),
    refuses(
        "a change behind 4 kB",
        forge::changed_behind,
        "it verifies the whole body, not its first kilobytes",
        WHOLE_BODY,
    ),
    refuses(
        "white space added later",
        forge::spaced_later,
        "it verifies the body as received, not trimmed",
        NOT_TRIMMED,
    ),
    refuses(
        "a changed signature",
        make::changed_signature,
        "it compares the signature with its own",
        COMPARE_ALL,
    ),
    refuses(
        "a changed signature end",
        forge::changed_at_the_end,
        "it compares the whole signature",
        COMPARE_ALL,
    ),
    refuses(
        "a shortened signature",
        forge::shortened,
        "a part of the signature is not enough",
        COMPARE_ALL,
    ),
    refuses(
        "another content type",
        forge::other_types,
        "an attacker cannot avoid the check by another content type",
        "verify every request before its content type decides how it is parsed",
    ),
    refuses(
        "signed an hour ago",
        make::outdated,
        "an attacker cannot send a recorded request later",
        COMPARE_CLOCK,
    ),
    refuses(
        "signed an hour ahead",
        make::early,
        "it checks both sides of the clock",
        COMPARE_CLOCK,
    ),
    refuses(
        "no signature header",
        make::no_signature,
        "an attacker cannot leave the signature out",
        ALL_HEADERS,
    ),
    refuses(
        "no timestamp header",
        make::no_stamp,
        "an attacker cannot leave the timestamp out",
        ALL_HEADERS,
    ),
    refuses(
        "no id header",
        make::no_id,
        "an attacker cannot leave the signed id out",
        ALL_HEADERS,
    ),
    case(
        Group::Refuses,
        "a wrong header first",
        make::wrong_before_right,
        Expect::Any,
        "proxy and app cannot read two different signatures",
        ONE_VALUE,
    ),
    case(
        Group::Refuses,
        "a wrong header second",
        make::right_before_wrong,
        Expect::Any,
        "proxy and app cannot read two different signatures",
        ONE_VALUE,
    ),
    refuses(
        "an empty signature",
        make::empty_signature,
        "an empty signature does not match",
        COMPUTE_MAC,
    ),
    refuses(
        "another key",
        make::wrong_key,
        "only the owner of the secret can sign",
        COMPUTE_MAC,
    ),
    refuses(
        "an empty key",
        forge::empty_key,
        "it does not work without its secret",
        "end the app at its start if its secret is not set or empty",
    ),
    refuses(
        "an unsigned token",
        forge::unsigned_token,
        "a token cannot choose to be unsigned (alg: none)",
        "allow exactly the algorithm that the sender uses, and never the one that the token names",
    ),
    refuses(
        "another audience",
        forge::another_audience,
        "the token of another service is not accepted",
        "compare the audience (aud) of the token with your own",
    ),
    refuses(
        "another vendor's scheme",
        make::another_scheme,
        "only the configured scheme is accepted",
        COMPUTE_MAC,
    ),
    refuses(
        "no signature at all",
        make::unsigned,
        "strangers cannot make events",
        COMPUTE_MAC,
    ),
    behaves(
        "answers in time",
        make::valid,
        Expect::InTime,
        "the vendor does not give up waiting",
        "answer first and work afterwards: put the event on a queue",
    ),
    behaves(
        "the same request twice",
        make::twice,
        Expect::Twice,
        "a repeated delivery is not a failure",
        "answer 2xx to an event that you have seen before: vendors repeat a delivery if the answer got lost",
    ),
    behaves(
        "a GET without signature",
        make::get,
        Expect::NoCrash,
        "a stranger who finds the URL cannot make it crash",
        "answer 405 or 404 to requests that are not deliveries",
    ),
];
