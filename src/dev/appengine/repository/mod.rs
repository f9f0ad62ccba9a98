//! The repository: a record and the events that its change raises are written in one commit.

mod steps;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};

use super::auth::passwords::{self, Change};
use super::chaos::{Chaos, PreviousVersion};
use super::model::{self, Draft};
use super::{escalation, purge, reminders};
use crate::dev::host::clock::Clock;
use crate::event::Seq;
use crate::flow::{Cause, NewEvent, RecordError};
use crate::store::records::{self, Row, Span};
use crate::store::{Connection, Store, StoreError, Tx};
use crate::time::Timestamp;

/// Called for each event, inside the commit of the write that raises it.
pub type OnEvent =
    Arc<dyn Fn(&Tx<'_>, &Repository, NewEvent) -> Result<Seq, StoreError> + Send + Sync>;

/// Datatypes with their own system events, in addition to `collection-*`.
const FAMILIES: [&str; 3] = ["user", "org", "site"];
/// Domain events on the creation of a record, by datatype.
const ON_CREATE: [(&str, &str); 2] = [("contact", "contact.created"), ("order", "order.placed")];
/// System events on a change of state, by the new state.
const ON_STATE: [(&str, &str); 2] = [
    ("published", "collection-publish"),
    ("approved", "collection-approve"),
];

/// Reads and writes records.
pub struct Repository {
    clock: Mutex<Clock>,
    chaos: Arc<Chaos>,
    on_event: OnEvent,
    /// The types of the events that the current request has raised directly, not through flows.
    raised: Mutex<Vec<String>>,
    /// How many processes have passed on the current request: the depth of the events that it raises directly.
    hops: AtomicU32,
}

/// A change to one record.
#[derive(Clone, Debug)]
pub enum Edit {
    /// Replaces the given fields of the model; `data` as a whole.
    Replace(Map<String, Value>),
    /// Sets values at dot paths, and keeps all others.
    Partial(Map<String, Value>),
}

impl Repository {
    /// Continues the clock after the last write in the store.
    pub fn open(store: &Store, on_event: OnEvent) -> Result<Self, StoreError> {
        let last = store.read_blocking(records::last_modified)?;
        Ok(Self {
            clock: Mutex::new(Clock::after(last)),
            chaos: Arc::default(),
            on_event,
            raised: Mutex::new(Vec::new()),
            hops: AtomicU32::new(0),
        })
    }

    /// Makes writes follow the rules of `chaos`.
    pub(crate) fn with_chaos(self, chaos: Arc<Chaos>) -> Self {
        Self { chaos, ..self }
    }

    /// Runs the changes of a request that `hops` processes have passed on. Returns their result, and the types of the events that they raised directly.
    ///
    /// Must be called inside a write, because only one write runs at a time.
    pub fn request<T>(&self, hops: u32, changes: impl FnOnce() -> T) -> (T, Vec<String>) {
        self.raised().clear();
        self.hops.store(hops, Ordering::Relaxed);
        let result = changes();
        self.hops.store(0, Ordering::Relaxed);
        (result, std::mem::take(&mut *self.raised()))
    }

    fn raised(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.raised.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a record and raises its events; returns its BaseModel.
    pub fn add(
        &self,
        tx: &Tx<'_>,
        org: &str,
        mut draft: Draft,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let password = passwords::take(&draft.datatype, &mut draft.data)?;
        let now = self.tick(tx);
        let model = model::build(org, draft, now)?;
        let text = model::to_text(&model)?;
        if !records::insert(tx, &row(org, &model, now, now, &text))? {
            return Err(RecordError::Refused {
                reason: format!("`{}` already exists", text_of(&model, "sk")),
            });
        }
        let (datatype, sk) = (text_of(&model, "datatype"), text_of(&model, "sk"));
        passwords::store(tx, org, datatype, sk, password)?;
        self.chaos.record_write(org, datatype, sk, || None);
        plan(tx, org, &model)?;
        self.created(tx, org, model, cause)
    }

    fn created(
        &self,
        tx: &Tx<'_>,
        org: &str,
        model: Map<String, Value>,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let (datatype, state) = (text_of(&model, "datatype"), text_of(&model, "state"));
        let mut kinds = system_events(datatype, "create");
        kinds.extend(reached(None, state));
        kinds.extend(
            ON_CREATE
                .iter()
                .filter(|(of, _)| *of == datatype)
                .map(|(_, kind)| (*kind).to_owned()),
        );
        let model = Value::Object(model);
        self.raise(tx, org, kinds, &model, None, cause)?;
        Ok(model)
    }

    /// Changes a record and raises its events; returns its new BaseModel.
    pub fn edit(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: Option<&str>,
        id: &str,
        edit: Edit,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let before = found(tx, org, datatype, id)?;
        let mut after = before.clone();
        apply(&mut after, edit)?;
        let password = password_of(&mut after)?;
        let after = self.save(tx, org, &before, after)?;
        let (of, sk) = (text_of(&after, "datatype"), text_of(&after, "sk"));
        passwords::store(tx, org, of, sk, password)?;
        let mut kinds = system_events(text_of(&after, "datatype"), "update");
        kinds.extend(reached(
            Some(text_of(&before, "state")),
            text_of(&after, "state"),
        ));
        if has_new_tags(&before, &after) {
            kinds.push("tag.added".to_owned());
        }
        let (before, after) = (Value::Object(before), Value::Object(after));
        self.raise(tx, org, kinds, &after, Some(&before), cause)?;
        Ok(after)
    }

    /// Writes the next version of a record with the current time.
    fn save(
        &self,
        tx: &Tx<'_>,
        org: &str,
        before: &Map<String, Value>,
        mut after: Map<String, Value>,
    ) -> Result<Map<String, Value>, RecordError> {
        let version = before.get("version").and_then(Value::as_i64).unwrap_or(0) + 1;
        let now = self.tick(tx);
        after.insert("version".into(), version.into());
        after.insert("modifydate".into(), now.to_string().into());
        let text = model::to_text(&after)?;
        let created = text_of(&after, "createdate").parse().unwrap_or(now);
        records::replace(tx, &row(org, &after, created, now, &text))?;
        let (datatype, sk) = (text_of(&after, "datatype"), text_of(&after, "sk"));
        self.chaos.record_write(org, datatype, sk, || {
            let modified: Timestamp = text_of(before, "modifydate").parse().ok()?;
            Some(PreviousVersion {
                modified: modified.millis(),
                body: model::to_text(before).ok()?,
            })
        });
        plan(tx, org, &after)?;
        Ok(after)
    }

    /// Saves up to `many` randomly chosen records again. Returns their number.
    ///
    /// Raises no events: a poller should meet concurrent writes, not the flows that each of them would start.
    pub(super) fn touch(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: &str,
        many: usize,
    ) -> Result<usize, RecordError> {
        let stamps = records::stamps(tx, org, datatype, Span::ALL)?;
        let chosen = fastrand::choose_multiple(stamps, many);
        for (sk, _) in &chosen {
            if let Some(text) = records::body(tx, org, datatype, sk)? {
                let before = parsed(&text)?;
                self.save(tx, org, &before, before.clone())?;
            }
        }
        Ok(chosen.len())
    }

    /// Removes a record and raises its events. Returns the removed record.
    pub fn remove(
        &self,
        tx: &Tx<'_>,
        org: &str,
        datatype: Option<&str>,
        id: &str,
        cause: &Cause,
    ) -> Result<Value, RecordError> {
        let model = found(tx, org, datatype, id)?;
        let datatype = text_of(&model, "datatype").to_owned();
        records::remove(tx, org, &datatype, text_of(&model, "sk"))?;
        reminders::remove(tx, org, &datatype, text_of(&model, "sk"))?;
        escalation::remove(tx, org, &datatype, text_of(&model, "sk"))?;
        self.chaos.removed(org, &datatype, text_of(&model, "sk"));
        let model = Value::Object(model);
        let kinds = system_events(&datatype, "delete");
        self.raise(tx, org, kinds, &model, None, cause)?;
        Ok(model)
    }

    fn raise(
        &self,
        tx: &Tx<'_>,
        org: &str,
        kinds: Vec<String>,
        data: &Value,
        before: Option<&Value>,
        cause: &Cause,
    ) -> Result<(), StoreError> {
        for kind in kinds {
            let event = NewEvent {
                org: org.to_owned(),
                kind,
                data: data.clone(),
                before: before.cloned(),
                cause: cause.clone(),
            };
            self.emit(tx, event)?;
        }
        Ok(())
    }

    /// Raises an event that does not result from a change of a record. Returns its position in the log.
    pub fn emit(&self, tx: &Tx<'_>, mut event: NewEvent) -> Result<Seq, StoreError> {
        // A vendor's request is a cause at depth 0, too; only flow steps have a greater depth.
        if event.cause.depth == 0 {
            self.raised().push(event.kind.clone());
            event.cause.depth = self.hops.load(Ordering::Relaxed);
        }
        (self.on_event)(tx, self, event)
    }

    fn tick(&self, tx: &Tx<'_>) -> Timestamp {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let now = tx.now();
        match self.chaos.rules() {
            None => clock.tick(now),
            Some(rules) => {
                let most = i64::try_from(rules.skew.as_millis()).unwrap_or(i64::MAX);
                clock.tick_shared(now, rules.ties, || fastrand::i64(-most..=most))
            }
        }
    }
}

/// Plans the jobs of a record that was written.
fn plan(tx: &Tx<'_>, org: &str, model: &Map<String, Value>) -> Result<(), StoreError> {
    reminders::plan(tx, org, model)?;
    escalation::plan(tx, org, model)?;
    purge::plan(tx, model)
}

/// Finds the text of a record by any form of its id. Without a datatype, searches all of them.
pub fn find_by_id(
    connection: &Connection,
    org: &str,
    datatype: Option<&str>,
    id: &str,
) -> Result<Option<String>, StoreError> {
    let datatypes = match datatype {
        Some(datatype) => vec![datatype.to_owned()],
        None => records::datatypes(connection, org)?,
    };
    for datatype in &datatypes {
        for sk in model::candidates(org, datatype, id) {
            if let Some(text) = records::body(connection, org, datatype, &sk)? {
                return Ok(Some(text));
            }
        }
    }
    Ok(None)
}

fn found(
    tx: &Tx<'_>,
    org: &str,
    datatype: Option<&str>,
    id: &str,
) -> Result<Map<String, Value>, RecordError> {
    match find_by_id(tx, org, datatype, id)? {
        Some(text) => parsed(&text),
        None => Err(RecordError::NotFound {
            datatype: datatype.unwrap_or("record").to_owned(),
            id: id.to_owned(),
        }),
    }
}

fn parsed(text: &str) -> Result<Map<String, Value>, RecordError> {
    serde_json::from_str(text).map_err(|error| RecordError::Refused {
        reason: format!("the record is damaged: {error}"),
    })
}

fn apply(model: &mut Map<String, Value>, edit: Edit) -> Result<(), RecordError> {
    match edit {
        Edit::Replace(fields) => {
            for (field, value) in fields {
                match field.as_str() {
                    "data" if value.is_object() => {
                        model.insert(field, value);
                    }
                    "name" | "state" | "author" | "owner" => {
                        model::set_field(model, &field, value)?;
                    }
                    _ => {}
                }
            }
            Ok(())
        }
        Edit::Partial(changes) => changes
            .into_iter()
            .try_for_each(|(path, value)| model::set_path(model, &path, value)),
    }
}

/// Takes the password out of a model, so that no reader, event or export sees it.
fn password_of(model: &mut Map<String, Value>) -> Result<Option<Change>, RecordError> {
    let datatype = text_of(model, "datatype").to_owned();
    match model.get_mut("data") {
        Some(Value::Object(data)) => passwords::take(&datatype, data),
        _ => Ok(None),
    }
}

/// Moves the passwords of records that an older version wrote out of these records.
pub(super) fn protect_passwords(tx: &Tx<'_>) -> Result<(), RecordError> {
    for (org, text) in crate::store::passwords::unprotected(tx)? {
        let mut model = parsed(&text)?;
        // A value that is not a password is deleted.
        let change = password_of(&mut model).unwrap_or(None);
        if let Some(data) = model.get_mut("data").and_then(Value::as_object_mut) {
            data.shift_remove("password");
        }
        let (datatype, sk) = (text_of(&model, "datatype"), text_of(&model, "sk"));
        let date = |field| text_of(&model, field).parse().unwrap_or(tx.now());
        let body = model::to_text(&model)?;
        let (created, modified) = (date("createdate"), date("modifydate"));
        records::replace(tx, &row(&org, &model, created, modified, &body))?;
        passwords::store(tx, &org, datatype, sk, change)?;
    }
    Ok(())
}

fn row<'a>(
    org: &'a str,
    model: &'a Map<String, Value>,
    created: Timestamp,
    modified: Timestamp,
    body: &'a str,
) -> Row<'a> {
    Row {
        org,
        datatype: text_of(model, "datatype"),
        sk: text_of(model, "sk"),
        version: model.get("version").and_then(Value::as_i64).unwrap_or(1),
        state: text_of(model, "state"),
        createdate: created.millis(),
        modifydate: modified.millis(),
        body,
    }
}

fn text_of<'a>(model: &'a Map<String, Value>, field: &str) -> &'a str {
    model.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn system_events(datatype: &str, verb: &str) -> Vec<String> {
    let mut kinds = vec![format!("collection-{verb}")];
    if FAMILIES.contains(&datatype) {
        kinds.push(format!("{datatype}-{verb}"));
    }
    kinds
}

fn reached(before: Option<&str>, after: &str) -> Option<String> {
    if before == Some(after) {
        return None;
    }
    ON_STATE
        .iter()
        .find(|(state, _)| *state == after)
        .map(|(_, kind)| (*kind).to_owned())
}

fn has_new_tags(before: &Map<String, Value>, after: &Map<String, Value>) -> bool {
    let tags = |model: &Map<String, Value>| -> Vec<Value> {
        let tags = model.get("data").and_then(|data| data.get("tags"));
        tags.and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let old = tags(before);
    tags(after).iter().any(|tag| !old.contains(tag))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::flow::RecordStore;
    use crate::store::Kind;

    /// A repository that records the events it raises, and its store.
    struct Bench {
        store: Store,
        repository: Arc<Repository>,
        raised: Arc<Mutex<Vec<String>>>,
    }

    impl Bench {
        fn new() -> Self {
            let store = Store::ephemeral(Kind::Platform).unwrap();
            let raised = Arc::new(Mutex::new(Vec::new()));
            let sink = Arc::clone(&raised);
            let on_event: OnEvent = Arc::new(move |_, _, event| {
                sink.lock().unwrap().push(event.kind);
                Ok(Seq(1))
            });
            let repository = Arc::new(Repository::open(&store, on_event).unwrap());
            Self {
                store,
                repository,
                raised,
            }
        }

        fn write<T: Send + 'static>(
            &self,
            op: impl FnOnce(&Repository, &Tx<'_>) -> Result<T, RecordError> + Send + 'static,
        ) -> Result<T, RecordError> {
            let repository = Arc::clone(&self.repository);
            self.store.write_blocking(move |tx| op(&repository, tx))
        }

        fn create(&self, datatype: &'static str, data: Value) -> Value {
            self.write(move |repository, tx| {
                repository.create(tx, "o", datatype, data, &Cause::default())
            })
            .unwrap()
        }

        fn update(&self, record: &Value, changes: Value) -> Value {
            let sk = record["sk"].as_str().unwrap().to_owned();
            let datatype = record["datatype"].as_str().unwrap().to_owned();
            self.write(move |repository, tx| {
                repository.update(tx, "o", &datatype, &sk, changes, &Cause::default())
            })
            .unwrap()
        }

        fn delete(&self, record: &Value) {
            let sk = record["sk"].as_str().unwrap().to_owned();
            let datatype = record["datatype"].as_str().unwrap().to_owned();
            self.write(move |repository, tx| {
                repository.delete(tx, "o", &datatype, &sk, &Cause::default())
            })
            .unwrap();
        }

        fn raised(&self) -> Vec<String> {
            std::mem::take(&mut *self.raised.lock().unwrap())
        }
    }

    #[test]
    fn every_change_raises_its_system_event() {
        let bench = Bench::new();
        for datatype in ["contact", "user", "org", "site"] {
            let record = bench.create(datatype, json!({}));
            bench.update(&record, json!({"state": "approved"}));
            bench.update(&record, json!({"state": "published"}));
            bench.delete(&record);
        }
        let raised = bench.raised();
        let expected = [
            "collection-create",
            "collection-update",
            "collection-delete",
            "collection-publish",
            "collection-approve",
            "user-create",
            "user-update",
            "user-delete",
            "org-create",
            "org-update",
            "org-delete",
            "site-create",
            "site-update",
            "site-delete",
        ];
        for kind in expected {
            assert!(raised.iter().any(|raised| raised == kind), "{kind}");
        }
    }

    #[test]
    fn a_state_raises_its_event_only_when_it_changes() {
        let bench = Bench::new();
        let record = bench.create("post", json!({}));
        bench.update(&record, json!({"state": "published"}));
        bench.raised();
        bench.update(&record, json!({"state": "published", "title": "x"}));
        assert_eq!(bench.raised(), ["collection-update"]);
    }

    #[test]
    fn contacts_and_orders_raise_their_domain_events() {
        let bench = Bench::new();
        bench.create("contact", json!({}));
        bench.create("order", json!({}));
        let expected = [
            "collection-create",
            "contact.created",
            "collection-create",
            "order.placed",
        ];
        assert_eq!(bench.raised(), expected);
    }

    #[test]
    fn only_a_new_tag_raises_tag_added() {
        let bench = Bench::new();
        let record = bench.create("contact", json!({"tags": ["a"]}));
        bench.raised();
        bench.update(&record, json!({"tags": ["a", "b"]}));
        assert_eq!(bench.raised(), ["collection-update", "tag.added"]);
        bench.update(&record, json!({"tags": ["b"]}));
        assert_eq!(bench.raised(), ["collection-update"]);
    }

    #[test]
    fn a_change_increases_version_and_modifydate() {
        let bench = Bench::new();
        let record = bench.create("contact", json!({}));
        let mut last = record["modifydate"].clone();
        for version in 2..6 {
            let changed = bench.update(&record, json!({"n": version}));
            assert_eq!(changed["version"], version);
            assert!(changed["modifydate"].as_str() > last.as_str(), "{changed}");
            last = changed["modifydate"].clone();
        }
    }

    #[test]
    fn a_refused_change_leaves_the_record_unchanged() {
        let bench = Bench::new();
        let record = bench.create("contact", json!({"email": "a@example.com"}));
        let sk = record["sk"].as_str().unwrap().to_owned();
        let changes = json!({"email": "b@example.com", "state": "perhaps"});
        let id = sk.clone();
        let refused = bench.write(move |repository, tx| {
            repository.update(tx, "o", "contact", &id, changes, &Cause::default())
        });
        assert!(matches!(refused, Err(RecordError::Refused { .. })));
        let found = bench.write(move |repository, tx| repository.get(tx, "o", "contact", &sk));
        assert_eq!(found.unwrap(), Some(record));
    }

    #[test]
    fn records_of_another_organisation_are_not_found() {
        let bench = Bench::new();
        let sk = bench.create("contact", json!({}))["sk"].clone();
        let found = bench.write(move |repository, tx| {
            repository.get(tx, "other", "contact", sk.as_str().unwrap())
        });
        assert_eq!(found.unwrap(), None);
    }
}
