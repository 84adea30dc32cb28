//! Holds the table of imports: each module of the crate may use only those named beside it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Module and what it may import. `config`, `telemetry`, `diagnostic`, `picture`, `impact`, `requirement`, `random` and `yaml` are leaves, so everybody but `event` may
/// name their types.
const TABLE: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("telemetry", &["config"]),
    ("tls", &[]),
    ("diagnostic", &[]),
    ("picture", &[]),
    ("impact", &[]),
    ("requirement", &[]),
    ("random", &[]),
    ("yaml", &["diagnostic"]),
    ("event", &[]),
    ("memory", &[]),
    ("contract", &["event"]),
    ("source", &["event"]),
    ("decode", &["event"]),
    ("sigma", &["event"]),
    ("enrich", &["event", "contract"]),
    ("track", &["event", "sigma"]),
    ("alert", &["event", "sigma", "track"]),
    ("paper", &[]),
    ("incident", &["event", "paper"]),
    ("triage", &["event", "sigma", "track", "alert"]),
    ("response", &["event", "track", "alert"]),
    ("access", &["event"]),
    ("webhook", &["event", "alert"]),
    (
        "store",
        &[
            "event", "sigma", "track", "alert", "incident", "triage", "response", "access",
        ],
    ),
    (
        "notify",
        &[
            "event", "sigma", "track", "alert", "incident", "triage", "access",
        ],
    ),
    (
        "pipeline",
        &[
            "event", "source", "decode", "enrich", "contract", "sigma", "track", "alert", "store",
            "notify", "response", "console", "access", "webhook",
        ],
    ),
    ("simulate", &["event", "contract"]),
    (
        "report",
        &[
            "event", "store", "alert", "sigma", "track", "contract", "paper",
        ],
    ),
    (
        "console",
        &[
            "event", "store", "alert", "sigma", "track", "contract", "enrich", "triage",
            "response", "access", "report", "notify",
        ],
    ),
];

/// May be imported by every module but `event` and each other.
const LEAVES: &[&str] = &[
    "config",
    "telemetry",
    "diagnostic",
    "picture",
    "impact",
    "requirement",
    "tls",
    "random",
    "yaml",
];

/// May import everything: the command line.
const TOP: &[&str] = &["cli", "main", "lib"];

#[test]
fn imports_go_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut breaches = Vec::new();
    for file in sources(&root) {
        let module = module_of(&root, &file);
        if TOP.contains(&module.as_str()) {
            continue;
        }
        let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == module) else {
            breaches.push(format!(
                "{}: module `{module}` is not in the table",
                file.display()
            ));
            continue;
        };
        let text = fs::read_to_string(&file).expect("a source file is readable");
        for (line, import) in imports(&text) {
            let leaf = LEAVES.contains(&import.as_str())
                && module != "event"
                && !LEAVES.contains(&module.as_str());
            if import != module && !leaf && !allowed.contains(&import.as_str()) {
                breaches.push(format!(
                    "{}:{line}: `{module}` must not import `{import}`",
                    file.display()
                ));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn the_table_has_no_cycle() {
    let mut open: Vec<_> = TABLE.to_vec();
    while !open.is_empty() {
        let names: BTreeSet<&str> = open.iter().map(|(name, _)| *name).collect();
        let before = open.len();
        open.retain(|(_, imports)| imports.iter().any(|import| names.contains(import)));
        assert!(open.len() < before, "a cycle among {names:?}");
    }
}

#[test]
fn groups_paths_and_comments_are_told_apart() {
    let text = "// use crate::store::X;\nuse crate::{event::Event, track::{Finding, Match}};\n\
                fn f() { crate::alert::merge() }\nuse crate::{\n    sigma,\n    source::Batch,\n};\n";
    let found: Vec<String> = imports(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(found, ["event", "track", "alert", "sigma", "source"]);
}

/// Every Rust file below `folder`, in order of path.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("an entry of src is readable").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn module_of(root: &Path, file: &Path) -> String {
    let below = file.strip_prefix(root).expect("the file lies below src");
    let first = below
        .components()
        .next()
        .expect("the path has a first part");
    let name = Path::new(first.as_os_str())
        .file_stem()
        .expect("a module has a name");
    name.to_string_lossy().into_owned()
}

/// Line and first segment of every `crate::` path outside comments; groups are taken apart.
fn imports(text: &str) -> Vec<(usize, String)> {
    let code: String = text
        .lines()
        .map(|line| {
            if line.trim_start().starts_with("//") {
                ""
            } else {
                line
            }
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let standalone =
            !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if !standalone {
            continue;
        }
        let line = code[..at].matches('\n').count() + 1;
        let rest = &code[at + "crate::".len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => group_heads(group),
            None => vec![head(rest)],
        };
        found.extend(names.into_iter().map(|name| (line, name)));
    }
    found
}

/// First segments of the members of `{a::b, c::{d, e}}`, behind the opening brace.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let mut depth = 0_u32;
    let mut member = String::new();
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => heads.push(head(&std::mem::take(&mut member))),
            '{' => depth += 1,
            '}' => depth -= 1,
            _ if depth == 0 => member.push(c),
            _ => {}
        }
    }
    heads.push(head(&member));
    heads.retain(|name| !name.is_empty());
    heads
}

fn head(path: &str) -> String {
    path.trim_start()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}
