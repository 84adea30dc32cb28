//! The console: what people see and decide in a browser, and the same for programs.
//!
//! Pages are made here, of templates (`templates/`), and work without scripts; one small script adds the keyboard, the reader's zone and news as it comes. What a page shows is
//! asked of ClickHouse through [`crate::store`]; what people do is put on record there with who and when. [`routes`] is the one table of all addresses with what each needs.
//! Log content is hostile: it stands in templates as [`Clean`](crate::notify::mail::Clean) text only, which they escape.

mod answer;
mod chart;
mod cookie;
mod csv;
mod failure;
mod form;
mod gate;
mod live;
mod names;
mod on_record;
mod page;
mod pages;
mod query;
mod reader;
mod refusals;
mod risk;
pub mod routes;
mod sessions;
mod shared;
mod times;
mod tries;
mod turns;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::middleware;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing::warn;

use crate::access::{KeyError, Vault};
use crate::config::{Config, SecretError};
use crate::contract::Contracts;
use crate::response::{AllowList, AllowListError};
use crate::sigma::RuleSet;
use crate::store::Store;
pub(crate) use pages::accounts::first_password;
pub use shared::{Condition, Measure};
use shared::{Parts, Shared};

/// Why the console cannot be served.
#[derive(Debug, Error)]
pub enum ConsoleError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key cannot be had.
    #[error("console: {0}")]
    Secret(#[from] SecretError),
    /// The zone of the installation.
    #[error("mail.time_zone: {0}")]
    Zone(jiff::Error),
    /// The allow-list of response.
    #[error(transparent)]
    Allow(#[from] AllowListError),
    /// The listener cannot be opened.
    #[error("console.listen: cannot listen on {listen}: {source}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// The console, set up and not serving yet.
pub struct Console {
    config: Config,
    vault: Vault,
    allow: AllowList,
}

impl Console {
    /// As the configuration says.
    ///
    /// # Errors
    /// There is no usable key, or a setting that it needs is wrong.
    pub fn configured(config: &Config) -> Result<Console, ConsoleError> {
        let file = config.console.key_file.as_deref();
        let key = config.console.key.resolve(file, "console.key")?;
        Ok(Console {
            vault: Vault::new(key.expose())?,
            allow: AllowList::parse(&config.response.allow)?,
            config: config.clone(),
        })
    }

    /// Listens; serves until `stop`, once it is polled.
    ///
    /// # Errors
    /// Nothing can listen there.
    pub async fn listen(
        self,
        store: Arc<Store>,
        rules: watch::Receiver<Arc<RuleSet>>,
        contracts: Arc<Contracts>,
        condition: Box<dyn Fn(bool) -> Condition + Send + Sync>,
        stop: watch::Receiver<bool>,
    ) -> Result<(SocketAddr, impl Future<Output = std::io::Result<()>>), ConsoleError> {
        let listen = self.config.console.listen;
        if listen.ip().is_loopback() && self.config.console.address_header.is_empty() {
            warn!(
                %listen,
                "console.address_header is empty: behind a proxy all readers have its address, and share one count of failed sign-ins"
            );
        }
        let refused = |source| ConsoleError::Listen { listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let shared = Shared::new(Parts {
            config: self.config,
            vault: self.vault,
            allow: self.allow,
            store,
            rules,
            contracts,
            condition,
        })
        .map_err(ConsoleError::Zone)?;
        Ok((address, serve(listener, shared, stop)))
    }
}

async fn serve(
    listener: TcpListener,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let router = router(&shared);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let mut stopped = stop.clone();
    let news = live::watch(Arc::clone(&shared), stop);
    let stopped = async move { drop(stopped.wait_for(|stop| *stop).await) };
    let served = axum::serve(listener, service).with_graceful_shutdown(stopped);
    let (served, ()) = tokio::join!(async { served.await }, news);
    served
}

fn router(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    for route in routes::all() {
        let gate = gate::Gate {
            shared: Arc::clone(shared),
            needs: route.needs,
            method: route.method,
            path: route.path,
            is_use: route.path != live::PATH,
        };
        let guarded = route
            .handler
            .layer(middleware::from_fn_with_state(gate, gate::admit));
        router = router.route(route.path, guarded);
    }
    router
        .fallback(answer::nothing_here)
        .layer(middleware::from_fn(answer::harden))
        .with_state(Arc::clone(shared))
}
