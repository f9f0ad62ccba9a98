//! The flow engine in process, with a store and records in memory.

mod conditions;
mod course;
mod delivery;
mod triggers;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use evt::dev::AppEngineFormat;
use evt::event::Seq;
use evt::flow::{Cause, FlowError, FlowOptions, Flows, NewEvent, RecordError, RecordStore};
use evt::secret::Secret;
use evt::store::jobs::{self, Capacity, Claimed, End, Settled, State};
use evt::store::queue::{self, JobRow, Selection};
use evt::store::runs::{self, RunFilter, RunRow};
use evt::store::{Kind, Store, StoreError, Tx};
use evt::time::Timestamp;
use serde_json::{Value, json};

const ORG: &str = "my-org";

/// Records in memory. Each change raises `collection-*`; a new contact also raises `contact.created`.
struct Records {
    flows: Arc<Flows>,
    models: Mutex<BTreeMap<String, Value>>,
}

impl Records {
    fn raise(
        &self,
        tx: &Tx<'_>,
        kind: &str,
        data: &Value,
        cause: &Cause,
    ) -> Result<(), StoreError> {
        let event = NewEvent {
            org: ORG.to_owned(),
            kind: kind.to_owned(),
            data: data.clone(),
            before: None,
            cause: cause.clone(),
        };
        self.flows.raise(tx, self, &event).map(drop)
    }

    fn find_one(&self, id: &str) -> Result<Value, RecordError> {
        let models = self.models.lock().unwrap();
        models
            .get(id)
            .cloned()
            .ok_or_else(|| RecordError::NotFound {
                datatype: "record".to_owned(),
                id: id.to_owned(),
            })
    }
}

impl RecordStore for Records {
    fn create(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        data: Value,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let id = format!("{datatype}-{}", self.models.lock().unwrap().len() + 1);
        let model = json!({"pk": org, "sk": id, "datatype": datatype, "data": data});
        self.models.lock().unwrap().insert(id, model.clone());
        self.raise(tx, "collection-create", &model, cause)?;
        if datatype == "contact" {
            self.raise(tx, "contact.created", &model, cause)?;
        }
        Ok(model)
    }

    fn update(
        &self,
        tx: &Tx<'_>,
        _: &str,
        _: &str,
        id: &str,
        changes: Value,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let mut model = self.find_one(id)?;
        for (name, value) in changes.as_object().unwrap() {
            model["data"][name] = value.clone();
        }
        self.models
            .lock()
            .unwrap()
            .insert(id.to_owned(), model.clone());
        self.raise(tx, "collection-update", &model, cause)?;
        Ok(model)
    }

    fn delete(
        &self,
        tx: &Tx<'_>,
        _: &str,
        _: &str,
        id: &str,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let model = self.find_one(id)?;
        self.models.lock().unwrap().remove(id);
        self.raise(tx, "collection-delete", &model, cause)?;
        Ok(model)
    }

    fn get(&self, _: &Tx<'_>, _: &str, _: &str, id: &str) -> Result<Option<Value>, RecordError> {
        Ok(self.models.lock().unwrap().get(id).cloned())
    }

    fn find(
        &self,
        _: &Tx<'_>,
        _: &str,
        datatype: &str,
        _: &Value,
        limit: usize,
    ) -> Result<Vec<String>, RecordError> {
        let models = self.models.lock().unwrap();
        let ids = models
            .iter()
            .filter(|(_, model)| model["datatype"] == datatype);
        Ok(ids.map(|(id, _)| id.clone()).take(limit).collect())
    }
}

/// A platform without ports.
struct Bench {
    store: Store,
    flows: Arc<Flows>,
    records: Arc<Records>,
}

impl Bench {
    fn new() -> Self {
        Self::with(FlowOptions::default())
    }

    fn with(options: FlowOptions) -> Self {
        Self::over(Store::ephemeral(Kind::Platform).unwrap(), options)
    }

    fn open(path: &Path) -> Self {
        Self::over(
            Store::open(path, Kind::Platform).unwrap(),
            FlowOptions::default(),
        )
    }

    fn over(store: Store, options: FlowOptions) -> Self {
        let flows = Arc::new(Flows::new(&AppEngineFormat, options));
        let records = Arc::new(Records {
            flows: Arc::clone(&flows),
            models: Mutex::default(),
        });
        Self {
            store,
            flows,
            records,
        }
    }

    fn write<T: Send + 'static>(
        &self,
        op: impl FnOnce(&Tx<'_>, &Flows, &Records) -> Result<T, FlowError> + Send + 'static,
    ) -> Result<T, FlowError> {
        let (flows, records) = (Arc::clone(&self.flows), Arc::clone(&self.records));
        self.store
            .write_blocking(move |tx| op(tx, &flows, &records))
    }

    fn flow(&self, document: Value) -> String {
        self.write(move |tx, flows, _| flows.create(tx, ORG, &document))
            .unwrap()
            .id
    }

    /// Raises `contact.created`.
    fn contact(&self, data: Value) -> Seq {
        self.event(
            "contact.created",
            json!({"sk": "contact-1", "datatype": "contact", "data": data}),
        )
    }

    fn event(&self, kind: &str, data: Value) -> Seq {
        let event = NewEvent {
            org: ORG.to_owned(),
            kind: kind.to_owned(),
            data,
            before: None,
            cause: Cause::default(),
        };
        self.write(move |tx, flows, records| Ok(flows.raise(tx, records, &event)?))
            .unwrap()
    }

    fn runs(&self) -> Vec<RunRow> {
        let filter = RunFilter {
            org: ORG.to_owned(),
            limit: 1000,
            ..RunFilter::default()
        };
        let mut runs = self
            .store
            .read_blocking::<_, StoreError, _>(|connection| runs::list(connection, &filter))
            .unwrap()
            .0;
        runs.reverse();
        runs
    }

    /// The only run, as the API returns it.
    fn run(&self) -> Value {
        let runs = self.runs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        self.view(&runs[0])
    }

    fn view(&self, run: &RunRow) -> Value {
        self.store
            .read_blocking::<_, StoreError, _>(|connection| {
                evt::flow::view_with_attempts(connection, run, None)
            })
            .unwrap()
    }

    fn jobs(&self) -> Vec<JobRow> {
        let mut jobs = self
            .store
            .read_blocking::<_, StoreError, _>(|connection| {
                queue::page(connection, &Selection::default(), i64::MAX, 100)
            })
            .unwrap();
        jobs.reverse();
        jobs
    }

    /// The deliveries that the delivery engine would claim now.
    fn sent(&self) -> Vec<Claimed> {
        self.store
            .write_blocking::<_, StoreError, _>(|tx| {
                let capacity = Capacity {
                    owner: 1,
                    now: Timestamp::now(),
                    total: 100,
                    per_endpoint: std::collections::HashMap::new(),
                    unknown_endpoint: 100,
                    probe: std::time::Duration::from_secs(30),
                };
                jobs::claim(tx, &capacity)
            })
            .unwrap()
            .jobs
    }

    /// Settles the delivery.
    fn settle(&self, job: &JobRow, end: End) {
        let settled = Settled {
            job: job.id,
            run: job.run.clone().zip(job.step),
            event: None,
            end,
        };
        self.write(move |tx, flows, records| Ok(flows.settled(tx, records, &settled)?))
            .unwrap();
    }
}

fn webhook(config: Value) -> Value {
    let mut whole = json!({"url": "http://127.0.0.1:1/hook"});
    whole
        .as_object_mut()
        .unwrap()
        .extend(config.as_object().unwrap().clone());
    json!({"type": "send_webhook", "config": whole})
}

fn on_contact(actions: Value) -> Value {
    json!({"name": "Notify", "trigger": {"type": "contact.created"}, "actions": actions})
}

fn delivered() -> End {
    End::Delivered { status: 204 }
}

fn dead() -> End {
    End::Dead {
        status: Some(500),
        reason: "no retries left".to_owned(),
    }
}

fn statuses(run: &Value) -> Vec<&str> {
    let steps = run["steps"].as_array().unwrap();
    steps
        .iter()
        .map(|step| step["status"].as_str().unwrap())
        .collect()
}
