//! `logsource`: which logs a rule is about.

use super::error::Reading;
use crate::yaml::Node;

/// The three attributes that Sigma knows; another key says nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Logsource {
    pub(crate) category: Option<String>,
    pub(crate) product: Option<String>,
    pub(crate) service: Option<String>,
}

/// Categories of logs of requests.
const CATEGORIES: [&str; 4] = ["webserver", "proxy", "api_gateway", PARTNER_LOG];
/// The category of records out of a partner's own log.
const PARTNER_LOG: &str = "partner_log";

impl Logsource {
    /// The attributes of a `logsource` map, or of a pipeline's step that names them beside others.
    pub(crate) fn of(node: &Node) -> Self {
        let attribute = |key| node.get(key)?.scalar_text().map(str::to_lowercase);
        Logsource {
            category: attribute("category"),
            product: attribute("product"),
            service: attribute("service"),
        }
    }

    /// Whether everything that this one names is the same in `other`.
    pub(crate) fn contains(&self, other: &Logsource) -> bool {
        let covers = |own: &Option<String>, other: &Option<String>| own.is_none() || own == other;
        covers(&self.category, &other.category)
            && covers(&self.product, &other.product)
            && covers(&self.service, &other.service)
    }

    /// This one, with what `other` names in its place.
    pub(crate) fn changed_to(&self, other: &Logsource) -> Self {
        let choose = |own: &Option<String>, other: &Option<String>| other.clone().or(own.clone());
        Logsource {
            category: choose(&self.category, &other.category),
            product: choose(&self.product, &other.product),
            service: choose(&self.service, &other.service),
        }
    }

    /// Whether it is about requests to a gateway, or about its errors.
    pub(crate) fn is_ours(&self) -> bool {
        let category = self.category.as_deref();
        category.is_some_and(|category| CATEGORIES.contains(&category))
            || self.product.as_deref() == Some("gatewatch")
            || self.is_error_log()
    }

    /// Whether it is about records out of a partner's own log, and so not about those of the gateways.
    pub(crate) fn is_partner_log(&self) -> bool {
        self.category.as_deref() == Some(PARTNER_LOG)
    }

    /// Whether it is about the error log of a web server: what Sigma's taxonomy says of `service: apache`, and `service: nginx`
    /// by the same token.
    pub(crate) fn is_error_log(&self) -> bool {
        self.category.is_none() && matches!(self.service.as_deref(), Some("apache" | "nginx"))
    }
}

/// Notes a rule that is about another log: it would never match, and nobody would know.
pub(crate) fn check(document: &Node, found: &Logsource, reading: &mut Reading<'_>) {
    match document.get("logsource") {
        None => reading.error(document.place, "`logsource` is missing"),
        Some(node) if !found.is_ours() => reading.error_with_hint(
            node.place,
            "this log source is none that gatewatch reads",
            "use category webserver, proxy or api_gateway, or product gatewatch; a pipeline with change_logsource can say so for many rules",
        ),
        Some(_) => {}
    }
}
