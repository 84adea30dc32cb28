//! What of a contract takes more than one call to see, as Sigma: counted by the same correlations as everything else, so exact in event
//! time, bounded, and recovered after a kill.
//!
//! An id follows from the integration and from what is counted, so an edit elsewhere in the contract keeps windows and exceptions.

mod limits;
mod missing;
mod sides;
mod tokens;

use serde_json::{Value, json};
use uuid::Uuid;

use super::compile::Contracts;
use super::document::Document;

/// Namespace of the ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f7a_1f0e_52c4_4d0b_9a57_3d0c_b1e8_77a4);

/// Tags of the requirements that rules of contracts are about.
pub const TAGS: [&str; 6] = [
    "requirement.sec-08",
    "requirement.aut-02",
    "requirement.aut-03",
    "requirement.int-01",
    "requirement.int-04",
    "requirement.int-05",
];

/// Rules of one contract, as a file of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedRules {
    /// The integration.
    pub integration: String,
    /// Sigma, one document a rule.
    pub text: String,
}

impl Contracts {
    /// The rules of each contract that has any.
    #[must_use]
    pub fn rules(&self) -> Vec<GeneratedRules> {
        let rules = self.documents().map(|document| GeneratedRules {
            integration: document.integration.clone(),
            text: text(&of(document)),
        });
        rules.filter(|rules| !rules.text.is_empty()).collect()
    }
}

fn text(rules: &[Value]) -> String {
    let documents: Vec<String> = rules.iter().map(ToString::to_string).collect();
    documents.join("\n---\n")
}

fn of(document: &Document) -> Vec<Value> {
    [
        limits::rules(document),
        tokens::rules(document),
        missing::rules(document),
        sides::rules(document),
    ]
    .concat()
}

/// A rule that only feeds a count; it has this id and name, and these titles in English and Russian.
fn counted(
    (id, name): (Uuid, &str),
    tags: &[&str],
    [title, title_ru]: [String; 2],
    detection: &Value,
) -> Value {
    json!({
        "title": title,
        "id": id,
        "name": name,
        "status": "stable",
        "description": "Feeds a count that the contract asks for.",
        "tags": tags,
        "logsource": {"product": "gatewatch", "category": "api_gateway"},
        "detection": detection,
        "falsepositives": ["Counted only, never alerts by itself"],
        "level": "informational",
        "gatewatch": {
            "family": "contract", "entity": "client_id", "title_ru": title_ru,
            "description_ru": "Составная часть подсчёта, которого требует контракт.",
            "falsepositives_ru": ["Только подсчёт, сам оповещений не создаёт"],
            "advice": "Nothing by itself.", "advice_ru": "Само по себе действий не требует.",
        },
    })
}

fn id(key: &str, part: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, format!("{key}/{part}").as_bytes())
}
