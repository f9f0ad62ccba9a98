//! The AppEngine platform: records, authentication, automations, Socket.IO gateways, AI streams, and vendors' webhooks.

pub mod auth;
mod automation;
mod billing;
mod broadcast;
mod bulk;
pub mod chaos;
pub mod control;
mod crm;
mod escalation;
pub mod events;
pub mod find;
mod gateways;
mod integrations;
pub mod model;
mod planned;
mod purge;
mod query;
mod queues;
mod redirect;
mod reminders;
pub mod repository;
mod rest;
mod seed;
pub mod settings;
mod state;
mod storefront;
mod streams;
mod upstream;
pub mod vendors;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

pub use state::State;

use super::host::seed::{SeedError, Seeded};
use super::host::{DevError, DevOptions, Host, Mount, Platform, Registration, Routes};
use crate::deliver::DisabledEndpoint;
use crate::running::Access;
use crate::store::jobs::Settled;
use crate::store::records::{self, Span};
use crate::store::work::Work;
use crate::store::{Connection, StoreError, Tx, flows};
use crate::work::WorkError;

/// The platform's name.
pub const NAME: &str = "appengine";
/// Lifetime of the developer's token: longer than `evt dev` usually runs.
const TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// AppEngine's row in the list of platforms.
pub static REGISTRATION: Registration = Registration {
    name: NAME,
    settings: settings::SETTINGS,
    open: |host, options| open(host, options).boxed(),
};

async fn open(host: &Arc<Host>, options: &DevOptions) -> Result<Arc<dyn Platform>, DevError> {
    let state = Arc::new(State::open(host, options).await?);
    Ok(Arc::new(AppEngine(state)))
}

struct AppEngine(Arc<State>);

impl Platform for AppEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn access(&self) -> Access {
        let secret = self.0.webhook_secret.as_ref();
        Access {
            url: self.0.host.url.clone(),
            org: self.0.org.clone(),
            token: self.0.authority.dev_token(&self.0.org, TOKEN_LIFETIME),
            webhook_secret: secret.map(|secret| secret.reveal().to_owned()),
        }
    }

    fn mounts(&self) -> Vec<Mount> {
        let routes = Routes::new()
            .merge(auth::routes())
            .merge(automation::routes())
            .merge(broadcast::routes())
            .merge(bulk::routes())
            .merge(crm::routes())
            .merge(gateways::routes())
            .merge(queues::routes())
            .merge(rest::routes())
            .merge(storefront::routes())
            .merge(streams::routes())
            .merge(upstream::routes())
            .merge(vendors::routes());
        vec![Mount {
            prefix: "",
            routes: routes.with_state(Arc::clone(&self.0)),
        }]
    }

    fn control_routes(&self) -> Routes {
        control::routes().with_state(Arc::clone(&self.0))
    }

    fn has_short_control_paths(&self) -> bool {
        true
    }

    fn run(&self, stop: CancellationToken) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            stop.cancelled().await;
            self.0.gateways.close().await;
        })
    }

    fn status(&self, connection: &Connection) -> Result<Value, StoreError> {
        let mut orgs = Map::new();
        for org in records::orgs(connection)? {
            let mut datatypes = Map::new();
            for datatype in records::datatypes(connection, &org)? {
                let count = records::count(connection, &org, &datatype, Span::ALL)?;
                datatypes.insert(datatype, count.into());
            }
            orgs.insert(org, Value::Object(datatypes));
        }
        Ok(json!({
            "org": self.0.org,
            "auth": self.0.authority.mode.as_str(),
            "signs_deliveries": self.0.webhook_secret.is_some(),
            "records": orgs,
            "flows": flows::count(connection)?,
        }))
    }

    fn seed(&self, tx: &Tx<'_>, document: &Value) -> Result<Seeded, SeedError> {
        seed::apply_seed(&self.0, tx, document)
    }

    fn forget(&self) {
        self.0.settings.chaos().forget();
        self.0.set_last_create(None);
        self.0.challenges.forget();
        self.0.connections.forget();
    }

    fn queue_named(&self, name: &str) -> Option<&'static str> {
        queues::find(name).map(|queue| queue.name)
    }

    fn queues(&self) -> &'static [&'static str] {
        &queues::NAMES
    }

    fn consume(&self, tx: &Tx<'_>, work: &Work) -> Result<(), WorkError> {
        queues::consume(&self.0, tx, work)
    }

    fn work_dead(&self, tx: &Tx<'_>, work: &Work, reason: &str) -> Result<(), StoreError> {
        queues::dead(&self.0, tx, work, reason)
    }

    fn settled(&self, tx: &Tx<'_>, settled: &Settled) -> Result<(), StoreError> {
        self.0.flows.settled(tx, &*self.0.repository, settled)
    }

    fn settle_failed(&self, tx: &Tx<'_>, settled: &Settled, error: &str) -> Result<(), StoreError> {
        match &settled.run {
            Some((run, _)) => self.0.flows.fail_run(tx, run, error),
            None => Ok(()),
        }
    }

    fn clock_set_back(&self, tx: &Tx<'_>) -> Result<(), StoreError> {
        self.0.flows.plan_again(tx)?;
        purge::plan_again(tx)?;
        reminders::plan_again(tx)?;
        escalation::plan_again(tx)?;
        billing::plan_again(tx)
    }

    fn endpoint_disabled(
        &self,
        tx: &Tx<'_>,
        endpoint: &DisabledEndpoint,
    ) -> Result<(), StoreError> {
        let event = events::endpoint_disabled(&self.0.org, endpoint);
        self.0.repository.emit(tx, event).map(|_| ())
    }
}
