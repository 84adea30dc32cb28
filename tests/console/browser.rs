//! A browser without a window, and what looks for barriers in its pages.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::parts::{Held, Ports, wait_for};

const LIMIT: Duration = Duration::from_mins(1);
/// A page takes no longer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A browser, and its driver.
pub struct Browser {
    pub client: Client,
    axe: String,
    pictures: PathBuf,
    /// What axe found, over all pages: page, rule, how bad, where.
    pub barriers: Vec<String>,
    /// Where its driver listens.
    port: u16,
    _driver: Held,
}

/// Where pictures of the pages are kept: in the folder that `GATEWATCH_PICTURES` names, else in the cache of the project.
fn pictures() -> PathBuf {
    let named = std::env::var_os("GATEWATCH_PICTURES").map(PathBuf::from);
    let cached = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/console-pictures");
    let pictures = named.unwrap_or_else(cached);
    std::fs::create_dir_all(&pictures).unwrap();
    pictures
}

impl Browser {
    /// Starts one; its files lie in the folder.
    pub async fn start(folder: &Path) -> Browser {
        let ports = Ports::take(1);
        let port = ports.get(0);
        let mut command = Command::new("chromedriver");
        command.arg(format!("--port={port}"));
        let driver = Held::spawn("chromedriver", &folder.join("chromedriver.log"), &command);
        wait_for("chromedriver", LIMIT, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
        let profile = format!("--user-data-dir={}", folder.join("chromium").display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--lang=ru",
            &profile,
        ];
        let options = json!({ "args": arguments, "prefs": { "intl.accept_languages": "ru" } });
        let capabilities = json!({ "goog:chromeOptions": options });
        let Value::Object(capabilities) = capabilities else {
            unreachable!("it is an object")
        };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        let axe = std::env::var("GATEWATCH_AXE").expect("scripts/env.sh says where axe lies");
        Browser {
            client,
            axe: std::fs::read_to_string(&axe).expect("scripts/fetch.sh fetches axe"),
            pictures: pictures(),
            barriers: Vec::new(),
            port,
            _driver: driver,
        }
    }

    pub async fn goto(&self, address: &str) {
        self.client.goto(address).await.expect(address);
    }

    /// The path that is shown.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Waits for an element: a page that was asked for may still be on its way.
    pub async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE);
        if let Ok(element) = wait.for_element(Locator::Css(css)).await {
            return element;
        }
        panic!("no {css} on {}: {}", self.path().await, self.text().await)
    }

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.expect(css);
    }

    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect(css);
        field.send_keys(text).await.expect(css);
    }

    /// Presses a key where the keyboard is.
    pub async fn press(&self, key: &str) {
        let here = self.client.active_element().await.expect(key);
        here.send_keys(key).await.expect(key);
    }

    /// What a person reads.
    pub async fn text(&self) -> String {
        // In one step: a page may go while its elements are asked for.
        let text = self.run("return document.body.innerText").await;
        text.as_str().expect("a page has text").to_owned()
    }

    /// Waits until a person reads this, as [`Browser::find`] does for an element.
    pub async fn reads(&self, wanted: &str) -> String {
        let begin = Instant::now();
        loop {
            let text = self.text().await;
            if text.contains(wanted) {
                return text;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "no {wanted:?} on {}: {text}",
                self.path().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.expect(script)
    }

    /// Looks at the page as it is: for barriers, for what would run, for what sticks out at this width; keeps its picture.
    pub async fn inspect(&mut self, name: &str) {
        let script = format!(
            "{};const done = arguments[0]; axe.run(document, {{ resultTypes: ['violations'] }}).then((found) => done(found.violations.map((it) => \
             [it.impact, it.id, it.nodes.map((node) => node.target.join(' ')).slice(0, 3).join(', ')])), (problem) => done([['serious', String(problem), '']]))",
            self.axe
        );
        let found = self
            .client
            .execute_async(&script, vec![])
            .await
            .expect(name);
        for it in found.as_array().expect("axe answers with a list") {
            if matches!(it[0].as_str(), Some("serious" | "critical")) {
                self.barriers.push(format!("{name}: {it}"));
            }
        }
        let pwned = self.run("return typeof window.pwned").await;
        assert_eq!(pwned, "undefined", "{name}: what the log holds was run");
        let sticks_out = self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert!(
            sticks_out.as_i64().unwrap() <= 1,
            "{name}: {sticks_out} px stick out"
        );
        self.keep(name).await;
    }

    /// Keeps a picture of the page as it is.
    pub async fn keep(&self, name: &str) {
        let picture = self.client.screenshot().await.expect(name);
        std::fs::write(self.pictures.join(format!("{name}.png")), picture).unwrap();
    }

    /// Makes the window so large, and waits until the page knows.
    pub async fn resize(&self, width: u32, height: u32) {
        self.client.set_window_size(width, height).await.unwrap();
        let begin = Instant::now();
        while self.run("return window.innerWidth").await != width {
            assert!(begin.elapsed() < PATIENCE, "{width} pixels are not shown");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Shows pages in a colour scheme from now on, `light` or `dark`, as the system of a reader asks for it. Nothing moves: what is looked at has its last colours.
    pub async fn colours(&self, scheme: &str) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        let command =
            json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        let session = self.client.session_id().await.unwrap();
        let session = session.expect("it was started");
        let address = format!(
            "http://127.0.0.1:{}/session/{session}/goog/cdp/execute",
            self.port
        );
        let request = Request::post(&address).header("content-type", "application/json");
        let request = request.body(Body::from(command.to_string())).unwrap();
        // A command of Chromium's own, which WebDriver does not have.
        let driver = HttpClient::builder(TokioExecutor::new()).build(HttpConnector::new());
        let reply = driver.request(request).await.expect(&address);
        assert_eq!(reply.status(), StatusCode::OK, "{scheme}");
        let script = format!("return matchMedia('(prefers-color-scheme: {scheme})').matches");
        assert_eq!(self.run(&script).await, true, "{scheme}");
    }
}
