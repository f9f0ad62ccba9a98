//! The requests of a scheme's handshake.

use bytes::Bytes;

use super::bench::Bench;
use super::make::with_changed_signature;
use super::{Case, CaseRequests, Expect, Group, Make, Skip};
use crate::signature::{Probe, ProbeRequest, Reply};

impl Case {
    pub(super) const fn of_probe(probe: &'static Probe) -> Self {
        Self {
            name: probe.name,
            group: Group::Handshake,
            proves: probe.proves,
            fix: probe.fix,
            make: Make::Probe(probe),
            expect: match probe.expect {
                Reply::Checked(is_right) => Expect::Reply(is_right),
                Reply::Refused => Expect::Refused,
                Reply::Status(status) => Expect::RefusedWith(status),
            },
        }
    }
}

pub(super) fn requests(bench: &Bench<'_>, probe: &Probe) -> CaseRequests {
    let text = bench.challenge_text();
    let mut draft = bench.draft();
    let call = match (probe.request)(&bench.challenge(&text)).map_err(Skip::because)? {
        ProbeRequest::Get { query } => draft.get(&query).unsigned(),
        ProbeRequest::Post { headers, body } => {
            draft.headers.extend(headers);
            draft.body = Bytes::from(body);
            bench.valid(&draft)?
        }
        ProbeRequest::Forged { body } => {
            draft.body = Bytes::from(body);
            with_changed_signature(bench, bench.valid(&draft)?)?
        }
    };
    Ok(vec![call])
}
