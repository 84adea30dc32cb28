//! Labelled requests of others as a gateway's log shows them: six fields (method, path, query, host, user agent, referer), never
//! a body. Shared by `tests/rules_recall.rs` and `benches/detection.rs`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use gatewatch::config;
use gatewatch::enrich::Enricher;
use gatewatch::event::{Event, Timestamp};
use gatewatch::sigma::{Rule, RuleSet, Scratch};
use serde::Deserialize;
use serde_json::Value as Json;

/// Names of the tools that sent the tests; a rule that knew them would find everything.
const TOOLS: &[&str] = &["GoTestWAF", "OWASP CRS"];

/// Lists of `payloadsallthethings` that are plain names of files or of pages: alone they are no attacks (see its README).
const WORD_LISTS: &[&str] = &[
    "BSD-files.txt",
    "LFI-FD-check.txt",
    "LFI-WindowsFileCheck.txt",
    "Linux-files.txt",
    "List_Of_File_To_Include.txt",
    "List_Of_File_To_Include_NullByteAdded.txt",
    "Mac-files.txt",
    "Web-files.txt",
    "Windows-files.txt",
];

/// One request or value, and what it is said to be.
#[derive(Debug)]
pub struct Row {
    pub id: String,
    pub attack: bool,
    pub class: String,
    /// Rows of the same test or rule belong together.
    pub test: String,
    /// Whether the log shows anything of what makes it an attack, or harmless.
    pub visible: bool,
    /// A list of names that are no attacks when they stand alone.
    pub weak: bool,
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub host: Option<String>,
    pub user_agent: Option<String>,
    pub referer: Option<String>,
}

impl Row {
    /// The event that a log gives.
    pub fn event(&self) -> Event<'_> {
        let text = |value: &'_ Option<String>| value.clone().map(Into::into);
        Event {
            time: Timestamp::from_seconds(1_772_442_900),
            method: Some(self.method.as_str().into()),
            path: Some(self.path.as_str().into()),
            query: text(&self.query),
            host: text(&self.host),
            user_agent: text(&self.user_agent),
            referer: text(&self.referer),
            client_address: Some([203, 0, 113, 9].into()),
            ..Event::default()
        }
    }

    /// What was sent, for people.
    pub fn shown(&self) -> String {
        let mut shown = format!("{} {}: {} {}", self.class, self.id, self.method, self.path);
        for (mark, value) in [
            ("?", &self.query),
            (" agent=", &self.user_agent),
            (" referer=", &self.referer),
        ] {
            if let Some(value) = value {
                let _ = write!(shown, "{mark}{value}");
            }
        }
        shown.chars().take(300).collect()
    }
}

#[derive(Deserialize)]
struct Request {
    id: String,
    label: u8,
    class: String,
    method: String,
    uri: String,
    headers: BTreeMap<String, String>,
    src: Json,
}

#[derive(Deserialize)]
struct Parameter {
    label: u8,
    class: String,
    payload: String,
    #[serde(default)]
    src: Json,
}

/// The rows of a set: `gotestwaf`, `crs-regression`, `crowdsec-appsec`, `httpparams`, `payloadsallthethings`.
pub fn rows(folder: &Path, set: &str) -> Vec<Row> {
    let lines = lines(folder);
    let parse = |at: usize, line: &str| match set {
        "httpparams" | "payloadsallthethings" => {
            parameter(at, serde_json::from_str(line).expect("a row is JSON"))
        }
        _ => request(set, serde_json::from_str(line).expect("a row is JSON")),
    };
    lines
        .lines()
        .filter(|line| !line.is_empty())
        .enumerate()
        .map(|(at, line)| parse(at, line))
        .collect()
}

fn lines(folder: &Path) -> String {
    let packed: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.to_string_lossy().ends_with(".jsonl.zst"))
        .collect();
    let [packed] = packed.as_slice() else {
        panic!("{} has {} files of rows", folder.display(), packed.len());
    };
    let bytes = std::fs::read(packed).expect("readable");
    String::from_utf8(zstd::decode_all(bytes.as_slice()).expect("the data is zstd"))
        .expect("the data is UTF-8")
}

fn request(set: &str, request: Request) -> Row {
    let (path, query) = match request.uri.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (request.uri, None),
    };
    let header = |name: &str| {
        let value = request.headers.get(name)?;
        (!TOOLS.iter().any(|tool| value.contains(tool))).then(|| value.clone())
    };
    let src = |name: &str| {
        let value = &request.src[name];
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let mut row = Row {
        id: request.id,
        attack: request.label == 1,
        class: request.class,
        test: String::new(),
        visible: false,
        weak: false,
        method: request.method,
        path,
        query,
        host: header("host"),
        user_agent: header("user-agent"),
        referer: header("referer"),
    };
    row.visible = match set {
        // The set says where it put the payload.
        "gotestwaf" => match src("placeholder").as_str() {
            "URLParam" | "URLPath" | "UserAgent" => true,
            _ => row.path != "/" && row.path != "/graphql" || row.query.is_some(),
        },
        "crs-regression" => is_more_than_a_form(&row),
        _ => true,
    };
    row.test = match set {
        "crs-regression" => src("rule_id"),
        "crowdsec-appsec" => src("test"),
        _ => src("case"),
    };
    row
}

/// The tests of the core rule set go to a few addresses with the attack in body or headers; it is seen when anything else differs.
fn is_more_than_a_form(row: &Row) -> bool {
    let path = row.path.trim_end_matches(|c: char| c.is_ascii_digit());
    !matches!(path, "/" | "/post" | "/get" | "/upload")
        || row.query.is_some()
        || row.user_agent.is_some()
        || row.referer.is_some()
        || !matches!(row.method.as_str(), "GET" | "POST" | "HEAD")
        || !matches!(row.host.as_deref(), None | Some("localhost"))
}

fn parameter(at: usize, parameter: Parameter) -> Row {
    let file = parameter.src["file"].as_str().unwrap_or_default();
    let file = file.rsplit('/').next().unwrap_or_default();
    Row {
        id: format!("line-{}", at + 1),
        attack: parameter.label == 1,
        class: parameter.class,
        test: file.to_owned(),
        visible: true,
        weak: WORD_LISTS.contains(&file),
        method: "GET".to_owned(),
        path: "/search".to_owned(),
        query: Some(format!("q={}", encoded(&parameter.payload))),
        host: None,
        user_agent: None,
        referer: None,
    }
}

/// The value as a client would send it.
pub fn encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut query, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
        query
    })
}

/// The shipped rules, asked about events.
pub struct Catalogue {
    pub rules: RuleSet,
    enricher: Enricher,
    scratch: Scratch,
}

impl Catalogue {
    pub fn load() -> Catalogue {
        let settings = config::Rules {
            folder: Path::new(env!("CARGO_MANIFEST_DIR")).join("rules"),
            ..config::Rules::default()
        };
        let rules = RuleSet::load(&settings).unwrap_or_else(|errors| panic!("{errors}"));
        Catalogue {
            scratch: rules.scratch(),
            rules,
            enricher: Enricher::new(&config::Enrich::default()).expect("the defaults need no file"),
        }
    }

    /// The rules that raise an alert about an attack in the event. Personal data in a URL is a breach of its own kind, of which the
    /// labels say nothing (the normal values of `httpparams` have e-mail addresses).
    pub fn alerting(&mut self, event: &mut Event<'_>) -> Vec<&Rule> {
        self.enricher.enrich(event);
        self.rules
            .matches(event, &mut self.scratch)
            .iter()
            .map(|index| &self.rules.rules()[*index as usize])
            .filter(|rule| rule.alerts && rule.meta.family != "personal-data")
            .collect()
    }
}

/// Whether a rule is about one product's hole and not about a kind of attack.
pub fn is_about_a_product(rule: &Rule) -> bool {
    rule.meta.family == "product" || rule.meta.tags.iter().any(|tag| tag.starts_with("cve."))
}
