//! The scenarios that the binary brings along.

use std::path::Path;

use super::{Scenario, ScenarioError, parse};

macro_rules! catalogue {
    ($($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../../scenarios/", $path)))),+]
    };
}

/// Path below `scenarios/` and text of each. A test holds this list against the folder.
pub(crate) const FILES: &[(&str, &str)] = catalogue!(
    "aut-01/credential-stuffing.yaml",
    "aut-01/mistyped-password.yaml",
    "aut-02/expired-token-accepted.yaml",
    "aut-02/expired-token-refused.yaml",
    "aut-03/key-rotation.yaml",
    "aut-03/unsigned-token.yaml",
    "aut-04/forged-signatures.yaml",
    "aut-04/forgotten-client.yaml",
    "aut-05/forged-forwarded-for.yaml",
    "aut-05/proxy-of-an-operator.yaml",
    "aut-06/admin-with-second-factor.yaml",
    "aut-06/admin-without-second-factor.yaml",
    "int-01/calls-in-both-logs.yaml",
    "int-01/calls-past-the-gateway.yaml",
    "int-02/move-in-day.yaml",
    "int-02/token-missing-and-refused.yaml",
    "int-02/token-missing-yet-answered.yaml",
    "int-02/walked-residents.yaml",
    "int-03/sync-begins-a-minute-late.yaml",
    "int-03/sync-missed.yaml",
    "int-04/fewer-webhooks.yaml",
    "int-04/late-webhook.yaml",
    "int-04/unsigned-webhook.yaml",
    "int-04/webhooks-stop.yaml",
    "int-05/calls-abandoned.yaml",
    "int-05/calls-tried-again.yaml",
    "int-06/cache-bridges-a-restart.yaml",
    "int-06/cache-hides-an-outage.yaml",
    "int-08/a-little-slower.yaml",
    "int-08/partner-fails.yaml",
    "int-08/partner-slows-down.yaml",
    "int-08/short-hiccup.yaml",
    "sec-01/older-but-allowed.yaml",
    "sec-01/plaintext-call.yaml",
    "sec-01/redirected-to-tls.yaml",
    "sec-01/tls-downgrade.yaml",
    "sec-05/answers-not-logged.yaml",
    "sec-05/gateway-restarted.yaml",
    "sec-05/gateway-silent.yaml",
    "sec-05/one-answer-not-logged.yaml",
    "sec-05/records-lost.yaml",
    "sec-05/two-gateways-one-name.yaml",
    "sec-07/angle-brackets-in-comment.yaml",
    "sec-07/broken-links.yaml",
    "sec-07/command-injection.yaml",
    "sec-07/cross-site-scripting.yaml",
    "sec-07/dotted-file-names.yaml",
    "sec-07/jndi-lookup.yaml",
    "sec-07/metadata-request.yaml",
    "sec-07/path-traversal.yaml",
    "sec-07/scanner.yaml",
    "sec-07/sql-injection.yaml",
    "sec-07/sql-words-in-search.yaml",
    "sec-08/fail-over.yaml",
    "sec-08/new-year.yaml",
    "sec-08/request-burst.yaml",
    "sec-10/numbers-that-name-nobody.yaml",
    "sec-10/personal-data-in-url.yaml",
);

/// The scenarios that the binary brings along, in the order of their paths.
///
/// # Errors
/// Never, unless a file was broken when the binary was built; a test reads them all.
pub fn built_in() -> Result<Vec<Scenario>, ScenarioError> {
    FILES
        .iter()
        .map(|(path, text)| parse(Path::new(path), text))
        .collect()
}
