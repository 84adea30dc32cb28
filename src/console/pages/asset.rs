//! Style and script, compiled in.

use axum::response::Response;

use crate::console::answer;

pub(in crate::console) async fn style() -> Response {
    answer::asset(
        "text/css; charset=utf-8",
        include_str!("../assets/console.css"),
    )
}

pub(in crate::console) async fn script() -> Response {
    let script = include_str!("../assets/console.js");
    answer::asset("text/javascript; charset=utf-8", script)
}
