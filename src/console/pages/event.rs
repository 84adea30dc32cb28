//! One event with everything that is stored of it.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::alerts;
use crate::config::Locale;
use crate::console::failure::Failure;
use crate::console::shared::Shared;
use crate::event::Field;
use crate::notify::mail::Clean;
use crate::store::{Spot, column_of};

/// Longest value of a field.
const LONGEST: usize = 4_000;

/// The page that shows the event of a place.
pub(super) fn link(spot: &Spot) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("event", &spot.to_string());
    format!("/events?{}", query.finish())
}

/// Names and values of an event that is opened.
pub(super) type Opened = Vec<(&'static str, Clean)>;

/// Everything that is stored of an event: the fields that its log showed, in the order of the inventory, and the rules that matched.
pub(super) async fn opened(
    shared: &Shared,
    spot: &Spot,
    locale: Locale,
) -> Result<Opened, Failure> {
    let place = (spot.partition, spot.offset);
    let found = shared.store.whole_event(spot.time, &spot.topic, place);
    let found = found.await?.ok_or(Failure::NotFound)?;
    let mut stored: Map<String, Value> =
        serde_json::from_str(&found).map_err(|_| Failure::NotFound)?;
    let mut titles = HashMap::new();
    alerts::each_meta(shared, |meta| {
        let russian = meta.title_ru.as_ref().filter(|_| locale == Locale::Ru);
        let title = russian.unwrap_or(&meta.title);
        titles.insert(meta.id.to_string(), title.clone());
    });
    let rules = stored.remove("rules");
    let mut opened = shown(&stored);
    let matched = rules.as_ref().and_then(Value::as_array).into_iter();
    let matched = matched.flatten().filter_map(Value::as_str);
    opened.extend(matched.map(|id| {
        let title = titles.get(id).map_or(id, String::as_str);
        ("rule", Clean::of(title, LONGEST))
    }));
    Ok(opened)
}

fn shown(stored: &Map<String, Value>) -> Opened {
    let fields = Field::ALL.iter().filter_map(|field| column_of(*field));
    let shown = fields.filter_map(|name| Some((name, text(stored.get(name)?)?)));
    shown.collect()
}

/// A value as text; `None` where there is none.
fn text(value: &Value) -> Option<Clean> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(", ")
        }
        other => other.to_string(),
    };
    (!text.is_empty()).then(|| Clean::of(&text, LONGEST))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_has_an_address_whatever_its_topic_is_called() {
        let spot = Spot::named("-5.3.42./var/log/a.b/access.log").unwrap();
        assert_eq!(
            link(&spot),
            "/events?event=-5.3.42.%2Fvar%2Flog%2Fa.b%2Faccess.log"
        );
    }

    #[test]
    fn what_the_log_did_not_show_is_not_shown() {
        let stored = json!({ "status": 200, "path": "/a\u{202e}", "referer": null, "roles": [], "scopes": ["a", "b"], "error": "" });
        let shown = shown(stored.as_object().unwrap());
        let texts: Vec<(&str, &str)> = shown
            .iter()
            .map(|(name, it)| (*name, it.as_str()))
            .collect();
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(texts.contains(&("status", "200")) && texts.contains(&("scopes", "a, b")));
        assert!(!format!("{texts:?}").contains('\u{202e}'), "{texts:?}");
    }
}
