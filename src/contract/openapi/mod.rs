//! Operations out of a partner's OpenAPI document, 3.0 or 3.1, JSON or YAML: method and path, names of fields each way.
//!
//! An object of the document has the fields that it lists and no others, unless it says `additionalProperties` itself: what a partner may
//! add tomorrow is not agreed today.

use std::collections::BTreeSet;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Place};
use crate::yaml::{self, Kind, Node};

/// Largest document, in bytes.
pub(super) const MAX_FILE: u64 = 8 << 20;
/// Most operations.
const MOST_OPERATIONS: usize = 5_000;
/// How deep schemas lie in each other and references follow each other at most.
const DEPTH: usize = 64;

const METHODS: [&str; 8] = [
    "get", "head", "post", "put", "patch", "delete", "options", "trace",
];

/// One operation of the document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Described {
    /// Method and path, as a contract writes them.
    pub(super) name: String,
    /// Names of the fields that are sent; `None` when the document leaves them open.
    pub(super) sends: Option<BTreeSet<String>>,
    /// Names of the fields that are received, whatever the status.
    pub(super) receives: Option<BTreeSet<String>>,
}

/// The operations of a document. `base` stands before each path, in place of what `servers` says.
///
/// # Errors
/// All that is wrong with it, with places.
pub(super) fn read(
    path: &Path,
    text: &str,
    base: Option<&str>,
) -> Result<Vec<Described>, Vec<Diagnostic>> {
    let failed = |place, message: &str, hint: &str| {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        vec![Diagnostic::new(path, text, place, message, hint)]
    };
    let documents = match yaml::parse(text) {
        Ok(documents) => documents,
        Err((place, message)) => return Err(failed(place, &message, "")),
    };
    let [root] = &documents[..] else {
        return Err(failed(
            Place::default(),
            "the file holds no document, or several",
            "",
        ));
    };
    let version = root.get("openapi").and_then(Node::scalar_text);
    if !version.is_some_and(|version| version.starts_with("3.0") || version.starts_with("3.1")) {
        let message = match (version, root.get("swagger")) {
            (Some(version), _) => format!("OpenAPI {version} is not read"),
            (None, Some(_)) => "Swagger 2.0 is not read".to_owned(),
            (None, None) => "no OpenAPI document: `openapi` is missing".to_owned(),
        };
        let hint =
            "3.0 and 3.1 are; older documents can be converted, for instance by swagger2openapi";
        return Err(failed(root.place, &message, hint));
    }
    let mut reader = Reader {
        path,
        text,
        root,
        errors: Vec::new(),
    };
    let base = base.map_or_else(|| reader.base(), str::to_owned);
    let operations = reader.operations(base.trim_end_matches('/'));
    if reader.errors.is_empty() {
        Ok(operations)
    } else {
        Err(reader.errors)
    }
}

struct Reader<'d> {
    path: &'d Path,
    text: &'d str,
    root: &'d Node,
    errors: Vec<Diagnostic>,
}

/// Names of fields, and whether there may be others.
#[derive(Default)]
struct Fields {
    names: BTreeSet<String>,
    open: bool,
    /// Where the schemas are written that were looked at: one may contain itself, and is used again and again.
    seen: BTreeSet<usize>,
}

impl Fields {
    fn closed(self) -> Option<BTreeSet<String>> {
        (!self.open).then_some(self.names)
    }
}

impl<'d> Reader<'d> {
    fn wrong(&mut self, place: Place, message: impl Into<String>, hint: &str) {
        let hint = Some(hint.to_owned());
        self.errors
            .push(Diagnostic::new(self.path, self.text, place, message, hint));
    }

    /// The path of the first server.
    fn base(&mut self) -> String {
        let first = match self.root.get("servers").map(|servers| &servers.kind) {
            Some(Kind::List(servers)) => servers.first(),
            _ => None,
        };
        let Some(url) = first.and_then(|server| server.get("url")) else {
            return String::new();
        };
        let text = url.scalar_text().unwrap_or_default();
        let path = match text.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
            None => text,
        };
        if path.contains('{') {
            let hint = "say by `base` in the contract what stands before each path";
            self.wrong(
                url.place,
                format!("`{text}` has a variable in its path"),
                hint,
            );
        }
        path.to_owned()
    }

    fn operations(&mut self, base: &str) -> Vec<Described> {
        let mut operations = Vec::new();
        let paths = self
            .root
            .get("paths")
            .and_then(Node::entries)
            .unwrap_or_default();
        for (template, item) in paths {
            let Some(path) = template.scalar_text().filter(|path| path.starts_with('/')) else {
                self.wrong(
                    template.place,
                    "a path begins with `/`",
                    "such as `/plates/{plate}`",
                );
                continue;
            };
            let item = self.resolved(item);
            for (key, operation) in item.entries().unwrap_or_default() {
                let method = key.scalar_text().filter(|key| METHODS.contains(key));
                let Some(method) = method else {
                    continue; // `parameters`, `summary` and the like
                };
                operations.push(Described {
                    name: format!("{} {base}{path}", method.to_ascii_uppercase()),
                    sends: self.sent(item, operation).closed(),
                    receives: self.received(operation).closed(),
                });
            }
        }
        if operations.is_empty() {
            self.wrong(
                self.root.place,
                "the document has no operation",
                "they stand below `paths`",
            );
        }
        if operations.len() > MOST_OPERATIONS {
            let message = format!("{} operations, {MOST_OPERATIONS} allowed", operations.len());
            self.wrong(self.root.place, message, "split the integration");
        }
        operations
    }

    /// What the path and the operation take in the query, and what the body has.
    fn sent(&mut self, item: &'d Node, operation: &'d Node) -> Fields {
        let mut fields = Fields::default();
        for owner in [item, operation] {
            for parameter in list(owner.get("parameters")) {
                let parameter = self.resolved(parameter);
                let text = |key| parameter.get(key).and_then(Node::scalar_text);
                if let (Some("query"), Some(name)) = (text("in"), text("name")) {
                    fields.names.insert(name.to_owned());
                }
            }
        }
        if let Some(body) = operation.get("requestBody") {
            let body = self.resolved(body);
            self.content(body, &mut fields);
        }
        fields
    }

    fn received(&mut self, operation: &'d Node) -> Fields {
        let mut fields = Fields::default();
        let responses = operation.get("responses").and_then(Node::entries);
        for (_, response) in responses.unwrap_or_default() {
            let response = self.resolved(response);
            self.content(response, &mut fields);
        }
        fields
    }

    fn content(&mut self, holder: &'d Node, fields: &mut Fields) {
        let media = holder.get("content").and_then(Node::entries);
        for (_, media) in media.unwrap_or_default() {
            match media.get("schema") {
                Some(schema) => self.schema(schema, fields, DEPTH),
                None => fields.open = true,
            }
        }
    }

    fn schema(&mut self, schema: &'d Node, fields: &mut Fields, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else {
            fields.open = true;
            return;
        };
        let schema = self.resolved(schema);
        if schema
            .written_at()
            .is_some_and(|at| !fields.seen.insert(at))
        {
            return;
        }
        let mut said = false;
        for key in ["allOf", "oneOf", "anyOf"] {
            for part in list(schema.get(key)) {
                said = true;
                self.schema(part, fields, depth);
            }
        }
        if let Some(items) = schema.get("items") {
            said = true;
            self.schema(items, fields, depth);
        }
        for (name, property) in schema
            .get("properties")
            .and_then(Node::entries)
            .unwrap_or_default()
        {
            said = true;
            let Some(name) = name.scalar_text() else {
                continue;
            };
            // What a contract cannot write is left open.
            fields.open |= name.is_empty() || name.contains('*');
            fields.names.insert(name.to_owned());
            self.schema(property, fields, depth);
        }
        if let Some(more) = schema.get("additionalProperties") {
            said = true;
            fields.open |= more.scalar_text() != Some("false");
        }
        fields.open |= !said && !is_scalar(schema);
    }

    /// The node itself, or the one that its `$ref` names.
    fn resolved(&mut self, node: &'d Node) -> &'d Node {
        let mut node = node;
        for _ in 0..DEPTH {
            let Some(reference) = node.get("$ref") else {
                return node;
            };
            let text = reference.scalar_text().unwrap_or_default();
            let found = text.strip_prefix("#/").and_then(|pointer| {
                pointer.split('/').try_fold(self.root, |node, part| {
                    let part = part.replace("~1", "/").replace("~0", "~");
                    node.get(&part)
                })
            });
            let Some(found) = found else {
                let hint = "references within the document are followed, such as `#/components/schemas/Plate`; bundle several files into one";
                self.wrong(reference.place, format!("`{text}` leads nowhere"), hint);
                return node;
            };
            node = found;
        }
        self.wrong(
            node.place,
            "references lead round in a circle",
            "let the last of them be a schema",
        );
        node
    }
}

fn list(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.kind) {
        Some(Kind::List(items)) => items,
        _ => &[],
    }
}

/// Whether a schema is of a value without fields.
fn is_scalar(schema: &Node) -> bool {
    let is = |name: &str| ["string", "number", "integer", "boolean", "null"].contains(&name);
    let Some(kind) = schema.get("type") else {
        return schema.get("enum").is_some() || schema.get("const").is_some();
    };
    // 3.1 allows several.
    let names = kind
        .scalar_text()
        .into_iter()
        .chain(list(Some(kind)).iter().filter_map(Node::scalar_text));
    let names: Vec<&str> = names.collect();
    !names.is_empty() && names.into_iter().all(is)
}

#[cfg(test)]
mod tests;
