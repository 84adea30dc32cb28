use super::*;

const CONTRACT: &str = r"
integration: plates
title: Plates
owner: {name: Access, mail: access@example.org}
valid: {from: 2026-01-01, until: 2026-12-31}
matches: {paths: [/v1/plates]}
callers:
  clients: [operator, terminal-*]
  networks: [10.20.0.0/16]
transport: {tls: TLSv1.2}
tokens: {required: true, longest_life: 1h}
limits: [{of: client, requests: 60, within: 1m}]
operations:
  GET /v1/plates/{plate}: {roles: [partner], receives: [plate], records: 1}
  POST /v1/plates: {mfa: true}
";

fn changed(from: &str, to: &str) -> Vec<(Effect, String)> {
    let read = |text: &str| serde_saphyr::from_str::<Document>(text).unwrap();
    let new = CONTRACT.replace(from, to);
    assert!(from == to || new != CONTRACT, "{from}");
    diff(&read(CONTRACT), &read(&new))
        .into_iter()
        .map(|change| (change.effect, format!("{}: {}", change.place, change.what)))
        .collect()
}

#[test]
fn nothing_is_no_change() {
    assert_eq!(changed("", ""), []);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn each_change_allows_or_forbids() {
    use Effect::{Allows, Forbids, Says};
    for (from, to, effect, what) in [
        (
            "limits:",
            "tenants: [{clients: [operator], resources: {plate: [1-9]}}]\nlimits:",
            Forbids,
            "tenants: plate of operator: all but 1-9",
        ),
        (
            "limits:",
            "retries: {within: 10m}\nlimits:",
            Forbids,
            "retries.within: more than 10m",
        ),
        (
            "limits:",
            "webhooks: {longest_silence: 1h}\nlimits:",
            Forbids,
            "webhooks.longest_silence: more than 1h",
        ),
        (
            "limits:",
            "cache: {fallback: [POST /v1/plates]}\nlimits:",
            Says,
            "cache.fallback: POST /v1/plates instead of nothing",
        ),
        (
            "limits:",
            "service_levels: [{share: 99.5, within_ms: 400}]\nlimits:",
            Says,
            "service_levels: 99.5 % within 400 ms instead of nothing",
        ),
        (
            "limits:",
            "schedules: [{name: runs, every: 1h, offset: 10m, tolerance: 5m, records: {least: 7}}]\nlimits:",
            Says,
            "schedules: runs every 1h, after 10m, give or take 5m, records from 7 instead of nothing",
        ),
        (
            "required: true,",
            "required: true, refresh_rotation: true,",
            Forbids,
            "tokens.refresh_rotation: a refresh token used twice",
        ),
        (
            "[operator, terminal-*]",
            "[operator, terminal-*, crm]",
            Allows,
            "callers.clients: crm",
        ),
        (
            "[operator, terminal-*]",
            "[operator]",
            Forbids,
            "callers.clients: terminal-*",
        ),
        (
            "  clients: [operator, terminal-*]\n",
            "",
            Allows,
            "callers.clients: all, where it was operator, terminal-*",
        ),
        (
            "10.20.0.0/16",
            "10.0.0.0/8",
            Allows,
            "callers.networks: 10.0.0.0/8",
        ),
        (
            "  networks: [10.20.0.0/16]\n",
            "  networks: [10.20.0.0/16]\n  countries: [RU]\n",
            Forbids,
            "callers.countries: all but RU",
        ),
        (
            "tls: TLSv1.2",
            "tls: TLSv1.3",
            Forbids,
            "transport.tls: TLSv1.2 and newer below TLSv1.3",
        ),
        (
            "transport: {tls: TLSv1.2}\n",
            "",
            Allows,
            "transport.tls: any version and newer below TLSv1.2",
        ),
        (
            "required: true",
            "required: false",
            Allows,
            "tokens.required: calls without a token",
        ),
        (
            "longest_life: 1h",
            "longest_life: 2h",
            Allows,
            "tokens.longest_life: up to 2h, where it was 1h",
        ),
        (
            "longest_life: 1h",
            "longest_life: 30m",
            Forbids,
            "tokens.longest_life: more than 30m, where it was 1h",
        ),
        (
            "receives: [plate]",
            "receives: []",
            Forbids,
            "operations.GET /v1/plates/{plate}.receives: plate",
        ),
        (
            "receives: [plate], ",
            "",
            Allows,
            "operations.GET /v1/plates/{plate}.receives: all, where it was plate",
        ),
        (
            "records: 1",
            "records: 20",
            Allows,
            "operations.GET /v1/plates/{plate}.records: up to 20, where it was 1",
        ),
        (
            "requests: 60",
            "requests: 90",
            Allows,
            "limits: calls by client in 1m: up to 90, where it was 60",
        ),
        (
            "[{of: client, requests: 60, within: 1m}]",
            "[]",
            Allows,
            "limits: calls by client in 1m: more than 60, without end",
        ),
        (
            "until: 2026-12-31}",
            "until: 2026-12-31}\nforbidden_in_urls: [plate]",
            Forbids,
            "forbidden_in_urls: plate in a path or query",
        ),
        (
            "mfa: true",
            "mfa: false",
            Allows,
            "operations.POST /v1/plates.mfa: calls without a second factor",
        ),
        (
            "  POST /v1/plates: {mfa: true}\n",
            "",
            Forbids,
            "operations: POST /v1/plates",
        ),
        (
            "until: 2026-12-31",
            "until: 2027-06-30",
            Allows,
            "valid.until: calls after 2026-12-31, until 2027-06-30",
        ),
        (
            "until: 2026-12-31",
            "until: 2026-12-31, ended: 2026-11-30",
            Forbids,
            "valid.ended: calls after 2026-11-30",
        ),
        (
            "title: Plates",
            "title: Car plates",
            Says,
            "title: Car plates instead of Plates",
        ),
    ] {
        assert_eq!(
            changed(from, to),
            [(effect, what.to_owned())],
            "{from} → {to}"
        );
    }
}

#[test]
fn what_is_covered_already_is_nothing_new() {
    assert_eq!(
        changed(
            "[operator, terminal-*]",
            "[operator, terminal-*, terminal-7]"
        ),
        []
    );
    let networks = changed("10.20.0.0/16", "10.20.7.0/24");
    assert_eq!(
        networks,
        [(Effect::Forbids, "callers.networks: 10.20.0.0/16".to_owned())]
    );
}
