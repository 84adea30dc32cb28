//! The listener for `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::health::Health;

#[derive(Clone)]
struct Shown {
    health: Arc<Health>,
    metrics: PrometheusHandle,
}

/// Serves until `stop`.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: TcpListener,
    health: Arc<Health>,
    metrics: PrometheusHandle,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(show_metrics))
        .with_state(Shown { health, metrics });
    let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
}

async fn ready(State(shown): State<Shown>) -> impl IntoResponse {
    let readiness = shown.health.readiness();
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

async fn show_metrics(State(shown): State<Shown>) -> impl IntoResponse {
    shown.metrics.run_upkeep();
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        shown.metrics.render(),
    )
}
