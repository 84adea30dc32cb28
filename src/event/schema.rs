//! The documented schema of the event, made from the inventory: `docs/events.md` and `docs/event-schema.json`.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::{Fact, Field, Kind};

/// The JSON schema (draft 2020-12) of a native JSON record.
#[must_use]
pub fn json_schema() -> Json {
    let properties: Map<String, Json> = Field::ALL
        .iter()
        .filter(|field| !field.is_computed())
        .map(|field| (field.name().to_owned(), property(*field)))
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://gatewatch.dev/schemas/event.json",
        "title": "gatewatch event",
        "description": "One exchange through an API gateway. Keys that are not listed are ignored.",
        "type": "object",
        "required": ["time"],
        "properties": properties,
    })
}

/// The reference of fields and facts in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Events\n\nOne event is one exchange through the gateway. A native JSON record is an object with these keys; every key but \
         `time` may be absent,\nan absent and an empty value are told apart only in memory. The JSON schema is `event-schema.json`. \
         Both files are made by `make docs`.\n\n| field | holds | Sigma names | meaning |\n|---|---|---|---|\n",
    );
    for field in Field::ALL {
        let names = field
            .sigma_names()
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let _ = writeln!(
            page,
            "| `{}` | {} | {names} | {} |",
            field.name(),
            kind_name(field.kind()),
            field.doc().trim()
        );
    }
    page.push_str("\n## Facts\n\nThe field `fact` holds the names of what enrich found to be so.\n\n| fact | meaning |\n|---|---|\n");
    for fact in Fact::ALL {
        let _ = writeln!(page, "| `{}` | {} |", fact.name(), fact.doc().trim());
    }
    page
}

fn property(field: Field) -> Json {
    let description = field.doc().trim();
    match field.kind() {
        Kind::Text => json!({"type": "string", "description": description}),
        Kind::Number => json!({"type": "integer", "minimum": 0, "description": description}),
        Kind::Address => {
            json!({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}], "description": description})
        }
        Kind::Time => json!({
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "description": "milliseconds since 1970-01-01T00:00:00Z"}],
            "description": description,
        }),
        Kind::List => {
            json!({"type": "array", "items": {"type": "string"}, "description": description})
        }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Number => "whole number",
        Kind::Address => "address",
        Kind::Time => "time",
        Kind::List => "list of text",
    }
}
