//! Jobs of single records. The write of a record plans them in its own commit, so they are always those of the stored record.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde_json::{Map, Value};

use crate::store::records::{self, Direction, Span};
use crate::store::work::{self, NewWork};
use crate::store::{StoreError, Tx};

/// Plans the jobs of a record of an organisation.
type Plan = fn(&Tx<'_>, &str, &Map<String, Value>) -> Result<(), StoreError>;

/// The start of the keys of a record's jobs. The lengths make it unambiguous, because both parts may contain any character.
pub(super) fn prefix(kind: &str, org: &str, sk: &str) -> String {
    format!("{kind}:{}:{org}:{}:{sk}:", org.len(), sk.len())
}

/// Makes `jobs` the jobs whose keys start with `prefix`, and removes all others.
///
/// The key contains the time, so a job that stays the same is not added again.
pub(super) fn replace(
    tx: &Tx<'_>,
    prefix: &str,
    jobs: impl IntoIterator<Item = NewWork>,
) -> Result<(), StoreError> {
    let mut old: BTreeSet<String> = work::with_prefix(tx, prefix)?
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    for job in jobs {
        let key = format!("{prefix}{}", job.run_at.millis());
        if !old.remove(&key) {
            let key = Some(key);
            work::enqueue(tx, &NewWork { key, ..job })?;
        }
    }
    old.iter()
        .try_for_each(|key| work::remove(tx, key).map(|_| ()))
}

/// Plans the jobs of all records of a datatype again, because the clock or a setting has changed.
pub(super) fn again(tx: &Tx<'_>, datatype: &str, plan: Plan) -> Result<(), StoreError> {
    for org in records::orgs(tx)? {
        let mut result = Ok(());
        let direction = Direction::Ascending;
        records::scan(tx, &org, datatype, Span::ALL, direction, |_, body| {
            if let Ok(model) = serde_json::from_str(body) {
                result = plan(tx, &org, &model);
            }
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result?;
    }
    Ok(())
}
