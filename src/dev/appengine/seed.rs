//! AppEngine's part of a seed file: records and flows.

use aws_lc_rs::digest;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::State;
use super::model::Draft;
use crate::dev::host::seed::{SeedError, Seeded};
use crate::flow::{Cause, FlowError};
use crate::store::{Tx, records};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seed {
    #[serde(default)]
    records: Vec<SeedRecord>,
    #[serde(default)]
    flows: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeedRecord {
    datatype: String,
    sk: Option<String>,
    name: Option<String>,
    state: Option<String>,
    #[serde(default)]
    data: Map<String, Value>,
    author: Option<String>,
    owner: Option<Value>,
}

/// Creates the records first and the flows after them, so that the records start no flow of the seed.
pub(crate) fn apply_seed(
    state: &State,
    tx: &Tx<'_>,
    document: &Value,
) -> Result<Seeded, SeedError> {
    let seed = read(document)?;
    let (mut created_records, mut created_flows, mut existing) = (0, 0, 0);
    for (index, record) in seed.records.into_iter().enumerate() {
        let draft = draft(record);
        let sk = draft.sk.as_deref().unwrap_or_default();
        if records::body(tx, &state.org, &draft.datatype, sk)?.is_some() {
            existing += 1;
            continue;
        }
        let added = state
            .repository
            .add(tx, &state.org, draft, &Cause::default());
        added.map_err(|error| failed("record", index, error))?;
        created_records += 1;
    }
    for (index, document) in seed.flows.iter().enumerate() {
        match state.flows.create(tx, &state.org, document) {
            Ok(_) => created_flows += 1,
            Err(FlowError::NameTaken { .. }) => existing += 1,
            Err(error) => return Err(failed("flow", index, error)),
        }
    }
    Ok(Seeded {
        created: vec![("records", created_records), ("flows", created_flows)],
        existing,
    })
}

fn failed(
    what: &'static str,
    index: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> SeedError {
    SeedError::Item {
        what,
        position: index + 1,
        source: Box::new(error),
    }
}

fn read(document: &Value) -> Result<Seed, SeedError> {
    Seed::deserialize(document).map_err(|error| SeedError::Form {
        path: None,
        reason: error.to_string(),
    })
}

/// A record without an id gets one derived from its data, so that it is the same at every start.
fn draft(record: SeedRecord) -> Draft {
    let sk = record.sk.unwrap_or_else(|| {
        let content = Value::Object(record.data.clone()).to_string();
        let digest = digest::digest(&digest::SHA256, content.as_bytes());
        let short: String = digest.as_ref()[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}-{short}", record.datatype)
    });
    Draft {
        datatype: record.datatype,
        sk: Some(sk),
        name: record.name,
        state: record.state,
        data: record.data,
        author: record.author,
        owner: record.owner,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_without_an_id_gets_the_same_one_at_every_start() {
        let seed =
            json!({"records": [{"datatype": "contact", "data": {"email": "a@example.com"}}]});
        let ids = [(); 2].map(|()| draft(read(&seed).unwrap().records.remove(0)).sk);
        assert_eq!(ids[0], ids[1]);
    }

    #[test]
    fn an_unknown_member_is_refused() {
        for seed in [
            json!({"record": []}),
            json!({"records": [{"datatype": "x", "dta": {}}]}),
            json!({"records": 1}),
        ] {
            assert!(matches!(read(&seed), Err(SeedError::Form { .. })), "{seed}");
        }
    }
}
