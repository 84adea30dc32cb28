//! What a contract says, for people: part by part, and nothing of what it leaves out.

mod tables;

use std::fmt::Display;

use crate::config::Locale;
use crate::contract::Document;
use crate::contract::document::{Acceptance, Calls, Personal, Tenant};
use crate::impact::Impact;
use crate::notify::mail::words::{pick, say};
use crate::notify::mail::{Block, Clean};

/// Longest text of one value.
const LONGEST: usize = 2_000;

/// A text in Russian and English.
type Words = (&'static str, &'static str);

/// Names and values of one part of a contract.
struct Facts {
    locale: Locale,
    rows: Vec<(Clean, Clean)>,
}

impl Facts {
    fn text(&mut self, name: Words, value: impl Display) {
        let value = Clean::of(&value.to_string(), LONGEST);
        self.rows.push((say(self.locale, name.0, name.1), value));
    }

    /// A value that may be left out.
    fn maybe(&mut self, name: Words, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// Several values, if there are any.
    fn list(&mut self, name: Words, values: &[impl Display]) {
        if !values.is_empty() {
            self.text(name, joined(values));
        }
    }

    /// What is demanded, if it is.
    fn demand(&mut self, name: Words, is_demanded: bool) {
        if is_demanded {
            self.text(name, pick(self.locale, "да", "yes"));
        }
    }
}

fn joined(values: &[impl Display]) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// All parts of a contract but the service levels and attestations, which stand beside what became of them.
pub(super) fn blocks(document: &Document, locale: Locale) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut part = |title: Words, fill: fn(&Document, &mut Facts)| {
        let mut facts = Facts {
            locale,
            rows: Vec::new(),
        };
        fill(document, &mut facts);
        if !facts.rows.is_empty() {
            blocks.push(Block::Heading(say(locale, title.0, title.1)));
            blocks.push(Block::Facts(facts.rows));
        }
    };
    part(
        ("Срок и ответственные", "Term, and who answers for it"),
        in_force,
    );
    part(
        ("Какие вызовы к нему относятся", "Which calls belong to it"),
        belonging,
    );
    part(
        ("Кто и откуда вызывает", "Who calls, and from where"),
        callers,
    );
    part(("Защита канала", "How the line is secured"), transport);
    part(("Токены", "Tokens"), tokens);
    part(("Повторы и кэш", "Retries and caches"), retries);
    part(("Вебхуки", "Webhooks"), webhooks);
    blocks.extend(tables::limits(document, locale));
    blocks.extend(tables::schedules(document, locale));
    blocks.extend(tables::operations(document, locale));
    blocks
}

fn in_force(document: &Document, facts: &mut Facts) {
    let valid = &document.valid;
    facts.text(
        ("Действует", "In force"),
        format!("{} – {}", valid.from, valid.until),
    );
    facts.maybe(
        ("Прекращён, последний день", "Ended, last day"),
        valid.ended,
    );
    let none = pick(facts.locale, "нет", "none");
    let acceptance = document.acceptance.as_ref();
    facts.text(
        ("Приёмка", "Acceptance"),
        acceptance.map_or_else(|| none.to_owned(), accepted),
    );
    people(document, facts);
    let impact = match document.impact {
        Impact::Low => ("ограниченный", "limited"),
        Impact::Moderate => ("серьёзный", "serious"),
        Impact::High => ("тяжёлый", "severe"),
    };
    facts.text(
        ("Вред от нарушения", "Harm of a breach"),
        pick(facts.locale, impact.0, impact.1),
    );
    facts.maybe(
        (
            "Хранить события не дольше",
            "Events are kept no longer than",
        ),
        document.retention,
    );
    facts.list(("Правовые основания", "Legal bases"), &document.legal_basis);
    let forbidden = document.forbidden_in_urls.iter();
    let forbidden: Vec<&str> = forbidden.map(|it| personal(*it, facts.locale)).collect();
    facts.list(
        ("Не должно быть в адресе", "Must not stand in a URL"),
        &forbidden,
    );
}

fn people(document: &Document, facts: &mut Facts) {
    let owner = &document.owner;
    facts.text(
        ("Владелец", "Owner"),
        format!("{}, {}", owner.name, owner.mail),
    );
    for contact in &document.contacts {
        let told = [Some(&contact.name), contact.mail.as_ref()];
        let told = told.into_iter().chain([contact.phone.as_ref()]);
        let told: Vec<&String> = told.flatten().collect();
        facts.text(
            ("Кого спросить", "Whom to ask"),
            format!("{}: {}", contact.role, joined(&told)),
        );
    }
}

fn accepted(acceptance: &Acceptance) -> String {
    format!(
        "{}, {}: {}",
        acceptance.on, acceptance.by, acceptance.report
    )
}

fn personal(kind: Personal, locale: Locale) -> &'static str {
    match kind {
        Personal::Plate => pick(locale, "номер автомобиля", "vehicle plate"),
        Personal::Phone => pick(locale, "телефон", "telephone number"),
        Personal::Email => pick(locale, "электронная почта", "e-mail address"),
        Personal::Passport => pick(locale, "паспорт", "passport number"),
        Personal::Card => pick(locale, "номер карты", "card number"),
    }
}

fn belonging(document: &Document, facts: &mut Facts) {
    let matches = &document.matches;
    facts.list(("Узлы", "Hosts"), &matches.hosts);
    facts.list(("Пути", "Paths"), &matches.paths);
    facts.maybe(("Среда", "Environment"), matches.environment.as_ref());
    let file = document.openapi.as_ref().map(|it| &it.file);
    facts.maybe(("Описание OpenAPI", "OpenAPI document"), file);
    if let Some(source) = &document.second_source {
        let calls = match source.calls {
            Calls::Outbound => ("исходящие", "outbound"),
            Calls::Inbound => ("входящие", "inbound"),
            Calls::All => ("все", "all"),
        };
        facts.text(
            ("Журнал партнёра", "The partner's own log"),
            format!(
                "{}, ± {}",
                pick(facts.locale, calls.0, calls.1),
                source.within
            ),
        );
    }
    if let Some(traffic) = &document.traffic {
        facts.text(
            ("Вызовов не меньше", "Calls at least"),
            format!("{} / {}", traffic.calls, traffic.within),
        );
    }
}

fn callers(document: &Document, facts: &mut Facts) {
    let callers = &document.callers;
    facts.list(("Клиенты", "Clients"), &callers.clients);
    facts.list(("Шлюзы", "Gateways"), &callers.gateways);
    facts.list(
        ("Сети входящих вызовов", "Networks of inbound calls"),
        &callers.networks,
    );
    facts.list(
        ("Адреса исходящих вызовов", "Addresses of outbound calls"),
        &callers.egress,
    );
    facts.list(("Страны", "Countries"), &callers.countries);
    for tenant in &document.tenants {
        facts.text(("Чьи ресурсы", "Whose resources"), owned(tenant));
    }
}

fn owned(tenant: &Tenant) -> String {
    let resources = tenant.resources.iter();
    let resources: Vec<String> = resources
        .map(|(kind, ids)| format!("{kind} {}", joined(ids)))
        .collect();
    format!("{}: {}", joined(&tenant.clients), resources.join("; "))
}

fn transport(document: &Document, facts: &mut Facts) {
    let transport = &document.transport;
    facts.maybe(("TLS не старше", "TLS from"), transport.tls);
    facts.list(("Наборы шифров", "Cipher suites"), &transport.suites);
    facts.list(
        ("Сети за шлюзом", "Networks behind the gateway"),
        &transport.upstreams,
    );
}

fn tokens(document: &Document, facts: &mut Facts) {
    let tokens = &document.tokens;
    facts.demand(
        ("Нужен каждому вызову", "Every call needs one"),
        tokens.required,
    );
    facts.list(("Кто выпускает", "Issuers"), &tokens.issuers);
    facts.list(("Для кого", "Audiences"), &tokens.audiences);
    facts.list(("Алгоритмы", "Algorithms"), &tokens.algorithms);
    facts.list(("Ключи", "Keys"), &tokens.keys);
    facts.list(("Способы получения (grant)", "Grants"), &tokens.grants);
    facts.list(("Области (scope)", "Scopes"), &tokens.scopes);
    facts.maybe(("Живёт не дольше", "Longest life"), tokens.longest_life);
    facts.maybe(("Расхождение часов", "Clock skew"), tokens.clock_skew);
    facts.demand(("Одноразовые", "Good for one call"), tokens.one_time);
    facts.demand(
        (
            "Токен обновления одноразовый",
            "A refresh token serves once",
        ),
        tokens.refresh_rotation,
    );
}

fn retries(document: &Document, facts: &mut Facts) {
    let (retries, cache) = (&document.retries, &document.cache);
    facts.maybe(("Попыток не больше", "Attempts at most"), retries.attempts);
    facts.maybe(
        ("Повторить в течение", "Tried again within"),
        retries.within,
    );
    facts.demand(
        (
            "Повтору нужен ключ идемпотентности",
            "A retry needs an idempotency key",
        ),
        retries.idempotency_key,
    );
    facts.maybe(
        ("Ответ кэша не старше", "Oldest answer of a cache"),
        cache.longest_age,
    );
    facts.list(
        (
            "При отказе отвечает кэш",
            "A cache answers when the other side fails",
        ),
        &cache.fallback,
    );
}

fn webhooks(document: &Document, facts: &mut Facts) {
    let webhooks = &document.webhooks;
    facts.list(("Сети", "Networks"), &webhooks.networks);
    facts.demand(("Подписаны", "Signed"), webhooks.signed);
    facts.maybe(
        ("Доходят не позже", "Oldest on arrival"),
        webhooks.longest_age,
    );
    facts.list(("Куда уходят наши", "Where ours go to"), &webhooks.targets);
    facts.maybe(
        ("Молчат не дольше", "Longest silence"),
        webhooks.longest_silence,
    );
    if let Some(follow) = &webhooks.follow {
        facts.text(
            ("Следуют за операциями", "Follow operations"),
            format!("{}: {}", joined(&follow.operations), follow.within),
        );
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::contract::Contracts;

    const CONTRACT: &str = "
integration: barriers
title: Barriers of yards
owner: {name: Parking, mail: parking@example.org}
valid: {from: 2026-01-01, until: 2027-12-31}
acceptance: {by: Board, on: 2026-01-02, report: wiki/1}
matches: {hosts: [api.example.org], paths: [/v1/plates]}
callers: {clients: [gate-*], networks: [10.21.0.0/16]}
transport: {tls: TLSv1.2}
tokens: {required: true, grants: [client_credentials], longest_life: 10m}
operations:
  GET /v1/plates/{plate}: {roles: [operator], mfa: true, records: 50, sends: []}
limits: [{of: client, requests: 240, within: 1m}]
schedules: [{name: residents, every: 1d, offset: 150m, tolerance: 15m, records: {least: 10}}]
forbidden_in_urls: [phone]
";

    fn shown(locale: Locale) -> String {
        let source = (PathBuf::from("barriers.yaml"), CONTRACT.to_owned());
        let contracts = Contracts::from_sources(&[source]).unwrap();
        let document = contracts.documents().next().unwrap();
        format!("{:?}", blocks(document, locale))
    }

    #[test]
    fn what_was_agreed_can_be_read_in_both_languages() {
        let english = shown(Locale::En);
        for text in [
            "gate-*",
            "10.21.0.0/16",
            "2026-01-01 – 2027-12-31",
            "2026-01-02, Board: wiki/1",
            "TLSv1.2",
            "client_credentials",
            "240 / 1m",
            "each client",
            "GET /v1/plates/{plate}",
            "operator",
            "second factor; records up to 50",
            "1d + 150m ± 15m",
            "10 – ∞",
            "telephone number",
        ] {
            assert!(english.contains(text), "{text}: {english}");
        }
        assert!(
            !english.contains("Webhooks"),
            "what is not agreed is not shown"
        );
        let russian = shown(Locale::Ru);
        for text in [
            "каждого клиента",
            "Кто и откуда вызывает",
            "второй фактор",
            "ничего",
        ] {
            assert!(russian.contains(text), "{text}: {russian}");
        }
    }
}
