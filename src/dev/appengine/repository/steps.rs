//! The repository as the steps of flows see it.

use std::ops::ControlFlow;

use serde_json::Value;

use super::{Edit, Repository, find_by_id, parsed};
use crate::dev::appengine::find::Filter;
use crate::dev::appengine::model::Draft;
use crate::flow::{Cause, RecordError, RecordStore};
use crate::store::Tx;
use crate::store::records::{self, Direction};

impl RecordStore for Repository {
    fn create(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        data: Value,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let Value::Object(data) = data else {
            return Err(RecordError::Refused {
                reason: "the data of a record must be an object".to_owned(),
            });
        };
        let draft = Draft {
            datatype: datatype.to_owned(),
            data,
            ..Draft::default()
        };
        self.add(tx, org, draft, cause)
    }

    fn update(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
        changes: Value,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let Value::Object(changes) = changes else {
            return Err(RecordError::Refused {
                reason: "the changes to a record must be an object of paths and values".to_owned(),
            });
        };
        self.edit(tx, org, Some(datatype), id, Edit::Partial(changes), cause)
    }

    fn delete(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        self.remove(tx, org, Some(datatype), id, cause)
    }

    fn get(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        id: &str,
    ) -> Result<Option<Value>, RecordError> {
        match find_by_id(tx, org, Some(datatype), id)? {
            Some(text) => Ok(Some(Value::Object(parsed(&text)?))),
            None => Ok(None),
        }
    }

    fn find(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        query: &Value,
        limit: usize,
    ) -> Result<Vec<String>, RecordError> {
        let filter = Filter::parse(query).map_err(|error| RecordError::Refused {
            reason: error.to_string(),
        })?;
        let mut ids = Vec::new();
        let direction = Direction::Descending;
        records::scan(tx, org, datatype, filter.span, direction, |sk, body| {
            if ids.len() == limit {
                return ControlFlow::Break(());
            }
            if filter.matches(body) {
                ids.push(sk.to_owned());
            }
            ControlFlow::Continue(())
        })?;
        Ok(ids)
    }
}
