//! What one administrator cannot do alone, and what is on record of refusals.

use gatewatch::access::Role;

use crate::parts::wait_for;
use crate::place::{LIMIT, PASSWORD, Place};
use crate::shown::in_russian;
use crate::sign_in::{device, sign_in_from};
use crate::visitor::{Visitor, between};

const OFFICER: &str = "data_protection_officer";

/// An administrator whom the command line adds, with everything done that the role needs.
fn administrator(place: &Place, name: &str) -> Visitor {
    administrator_at(place, name).0
}

/// The same, with the cookie of the browser and a recovery code.
fn administrator_at(place: &Place, name: &str) -> (Visitor, String, String) {
    let arguments = ["account", "add", name, "--role", "administrator"];
    let mut command = place.command(&arguments);
    let added = command.args(["--by", "test"]).output().unwrap();
    assert!(added.status.success(), "{added:?}");
    let first = String::from_utf8(added.stdout).unwrap();
    let first = first.trim();
    let mut visitor = Visitor::nobody(place.port());
    assert_eq!(visitor.sign_in(name, first).status, 303);
    visitor.read_signature("/account/password");
    let pairs = [("old", first), ("new", PASSWORD), ("again", PASSWORD)];
    let changed = visitor.post("/account/password", &pairs);
    assert_eq!(changed.status, 303, "{}", changed.body);
    visitor.keep(&changed);
    visitor.read_signature("/account/second-factor");
    let (_, mut codes) = visitor.enrol();
    (visitor, device(&changed), codes.remove(0))
}

/// Whoever only knows a name holds up neither the password nor the second factor of a browser that was in before.
fn comes_in_while_others_try(place: &Place, name: &str, device: &str, code: &str) {
    let stranger = || sign_in_from(place, "", name, "wrong password").status;
    let statuses: Vec<u16> = (0..5).map(|_| stranger()).collect();
    assert_eq!(statuses, [403, 403, 403, 403, 429]);
    let half = sign_in_from(place, device, name, PASSWORD);
    let next = half.header("location");
    assert_eq!(next, "/second-factor?back=%2F", "{}", half.body);
    let mut visitor = Visitor::nobody(place.port());
    visitor.keep(&half);
    visitor.read_signature("/second-factor");
    let whole = visitor.post("/second-factor", &[("code", code)]);
    assert_eq!(whole.status, 303, "{}", whole.body);
}

fn fresh(page: &str) -> String {
    between(page, "<code id=\"fresh\">", "</code>").to_owned()
}

/// Where the newest proposal is settled.
fn newest(place: &Place) -> String {
    let id = place.ask("SELECT id FROM account_proposals FINAL WHERE state = 'open' ORDER BY proposed DESC LIMIT 1");
    format!("/proposals/{id}")
}

/// How an account stands.
fn stands(place: &Place, name: &str) -> String {
    place.ask(&format!("SELECT concat(toString(role), ' ', toString(must_change), ' ', if(second_factor = '', 'none', 'set')) FROM accounts FINAL WHERE name = '{name}'"))
}

/// Who administers gets into no account that looks persons up without another who administers.
pub fn two_administrators(place: &Place) {
    let chief = administrator(place, "chief");
    alone(place, &chief);
    let (deputy, browser, code) = administrator_at(place, "deputy");
    comes_in_while_others_try(place, "deputy", &browser, &code);
    let add = [("name", "second.officer"), ("role", OFFICER)];
    let proposed = chief.post("/accounts", &add);
    assert_eq!(proposed.status, 200, "{}", proposed.body);
    let first = fresh(&proposed.body);
    assert_eq!(stands(place, "second.officer"), "");
    let proposal = newest(place);
    let own = chief.post(&proposal, &[("deed", "confirm")]);
    assert_eq!(own.status, 400, "nobody confirms what they proposed");
    let list = deputy.get("/accounts").body;
    assert!(
        list.contains(&proposal) && list.contains("second.officer"),
        "{list}"
    );
    let confirmed = deputy.post(&proposal, &[("deed", "confirm")]);
    assert_eq!(confirmed.status, 200, "{}", confirmed.body);
    let second = fresh(&confirmed.body);
    assert_eq!(stands(place, "second.officer"), format!("{OFFICER} 1 none"));
    let again = deputy.post(&proposal, &[("deed", "confirm")]);
    assert_eq!(again.status, 404, "a proposal is settled once");
    let mut officer = Visitor::nobody(place.port());
    assert_eq!(officer.sign_in("second.officer", &first).status, 403);
    let whole = format!("{first}{second}");
    assert_eq!(officer.sign_in("second.officer", &whole).status, 303);
    resets(place, &chief, &deputy);
    roles(place, &chief, &deputy);
    what_the_audit_shows(place, &deputy);
}

/// Where there is no other administrator nothing is proposed.
fn alone(place: &Place, chief: &Visitor) {
    let of_others = |deed| chief.post("/accounts/administrator", &[("deed", deed)]);
    assert_eq!(
        of_others("disable").header("location"),
        "/accounts?said=done"
    );
    let reset = chief.post(&format!("/accounts/{OFFICER}"), &[("deed", "reset")]);
    assert_eq!(reset.header("location"), "/accounts?said=alone");
    assert_eq!(
        place.ask("SELECT count() FROM account_proposals"),
        "0",
        "{}",
        reset.body
    );
    assert_eq!(
        of_others("enable").header("location"),
        "/accounts?said=done"
    );
    let role = ["account", "role", "viewer", "--role", "analyst"];
    let mut command = place.command(&role);
    let given = command.args(["--by", "test"]).output().unwrap();
    assert!(given.status.success(), "{given:?}");
    assert_eq!(stands(place, "viewer"), "analyst 0 none");
}

/// Password and second factor of who looks persons up, or administers, are reset by two.
fn resets(place: &Place, chief: &Visitor, deputy: &Visitor) {
    let before = stands(place, "administrator");
    assert_eq!(before, "administrator 0 set");
    for (deed, after) in [
        ("second_factor", "administrator 0 none"),
        ("reset", "administrator 1 none"),
    ] {
        let untouched = stands(place, "administrator");
        let proposed = chief.post("/accounts/administrator", &[("deed", deed)]);
        assert!(matches!(proposed.status, 200 | 303), "{}", proposed.body);
        assert_eq!(stands(place, "administrator"), untouched);
        let confirmed = deputy.post(&newest(place), &[("deed", "confirm")]);
        assert!(matches!(confirmed.status, 200 | 303), "{}", confirmed.body);
        assert_eq!(stands(place, "administrator"), after);
    }
    // What changed meanwhile is not built upon, and what was rejected is not made.
    let propose = || chief.post("/accounts/second.officer", &[("deed", "reset")]);
    assert_eq!(propose().status, 200);
    let stale = newest(place);
    let disabled = deputy.post("/accounts/second.officer", &[("deed", "disable")]);
    assert_eq!(disabled.header("location"), "/accounts?said=done");
    assert_eq!(deputy.post(&stale, &[("deed", "confirm")]).status, 409);
    let rejected = deputy.post(&stale, &[("deed", "reject")]);
    assert_eq!(rejected.header("location"), "/accounts?said=done");
    assert_eq!(deputy.post(&stale, &[("deed", "confirm")]).status, 404);
}

/// The roles are given by two; others by one.
fn roles(place: &Place, chief: &Visitor, deputy: &Visitor) {
    let give = |role: &str| {
        let pairs = [("deed", "role"), ("role", role)];
        let reply = chief.post("/accounts/viewer", &pairs);
        reply.header("location").to_owned()
    };
    assert_eq!(give("viewer"), "/accounts?said=done");
    for role in [Role::DataProtectionOfficer, Role::Administrator] {
        assert_eq!(give(role.name()), "/accounts?said=proposed");
        assert_eq!(stands(place, "viewer"), "viewer 0 none");
        let rejected = chief.post(&newest(place), &[("deed", "reject")]);
        assert_eq!(rejected.header("location"), "/accounts?said=done");
    }
    assert_eq!(give("administrator"), "/accounts?said=proposed");
    let confirmed = deputy.post(&newest(place), &[("deed", "confirm")]);
    assert_eq!(confirmed.header("location"), "/accounts?said=done");
    assert_eq!(stands(place, "viewer"), "administrator 0 none");
    assert_eq!(give("viewer"), "/accounts?said=done", "one takes it away");
}

/// The page of the audit in both languages, and its file, which is on record itself.
fn what_the_audit_shows(place: &Place, deputy: &Visitor) {
    let rows = |page: &str| between(page, "<tbody>", "</tbody>").to_owned();
    let page = deputy.get("/audit?kind=account&action=factor_reset").body;
    let page = rows(&page);
    assert!(
        page.contains("second factor taken away") && page.contains("127.0.0.1"),
        "{page}"
    );
    assert!(!page.contains("password reset"), "{page}");
    let page = deputy.get("/audit?kind=session&action=refused").body;
    let page = rows(&page);
    assert!(
        page.contains("not signed in") && page.contains("no such name"),
        "{page}"
    );
    let page = in_russian(place, deputy, "/audit?kind=account&actor=deputy").body;
    let page = rows(&page);
    for words in [
        "снят второй фактор",
        "сброшен пароль",
        "утверждено",
        "новая роль",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let page = in_russian(place, deputy, "/audit?kind=page&actor=analyst").body;
    let page = rows(&page);
    assert!(page.contains("роль не даёт этого права"), "{page}");
    let sheet = deputy.get("/audit.csv?kind=session");
    assert_eq!(sheet.header("content-type"), "text/csv; charset=utf-8");
    assert!(sheet.body.contains("\"signed_in\""), "{}", sheet.body);
    let exported = place.ask("SELECT count() FROM audit WHERE object_kind = 'audit' AND action = 'exported' AND actor = 'deputy'");
    assert_eq!(exported, "1");
}

/// The officer's part of the audit.
pub fn audit_of_the_officer(officer: &Visitor) {
    let sheet = officer.get("/audit.csv").body;
    let kinds: Vec<&str> = sheet
        .lines()
        .skip(1)
        .filter_map(|line| line.split("\",\"").nth(2))
        .collect();
    assert!(kinds.contains(&"person") && kinds.contains(&"account"));
    let of_persons = |kind: &&str| ["person", "search", "account"].contains(kind);
    assert!(kinds.iter().all(of_persons), "{kinds:?}");
    let page = officer.get("/audit?kind=session").body;
    assert!(page.contains("Nothing."), "{page}");
    assert!(!page.contains("<option value=\"session\""), "{page}");
}

/// Who asks for what they may not, tries names or sends forms of others is on record, and of names that are nobody's only that they were tried.
pub fn refusals(place: &Place) {
    let mut analyst = Visitor::nobody(place.port());
    assert_eq!(analyst.sign_in("analyst", PASSWORD).status, 303);
    for _ in 0..3 {
        assert_eq!(analyst.get("/persons").status, 403);
    }
    let count = |condition: &str| {
        place.ask(&format!(
            "SELECT count() FROM audit WHERE action = 'refused' AND {condition}"
        ))
    };
    let minutes = "actor = 'analyst' AND object = 'GET /persons'";
    let rows: u64 = count(minutes).parse().unwrap();
    assert!(rows == 1 || rows == 2, "once a minute, not {rows}");
    for (what, condition) in [
        (
            "a page",
            "object_kind = 'page' AND object = 'GET /persons' AND JSONExtractString(detail, 'reason') = 'permission' AND JSONExtractString(detail, 'address') = '127.0.0.1'",
        ),
        (
            "a form",
            "object_kind = 'page' AND object = 'POST /sign-out' AND actor = 'viewer' AND JSONExtractString(detail, 'reason') = 'form'",
        ),
        (
            "a name that is nobody's",
            "object_kind = 'session' AND actor = '' AND JSONExtractString(detail, 'reason') = 'unknown_name'",
        ),
        (
            "a wrong password",
            "object_kind = 'session' AND actor = 'rule_author' AND JSONExtractString(detail, 'reason') = 'password' AND JSONExtractString(detail, 'route') = '/sign-in'",
        ),
        (
            "too many tries",
            "object_kind = 'session' AND actor = 'rule_author' AND JSONExtractString(detail, 'reason') = 'too_many_tries'",
        ),
        (
            "a present password",
            "object_kind = 'account' AND actor = 'rule_author' AND JSONExtractString(detail, 'reason') = 'present_password'",
        ),
    ] {
        wait_for(what, LIMIT, || (count(condition) != "0").then_some(()));
    }
    let tried = "position(concat(actor, object, title, detail), 'nobody.') > 0";
    assert_eq!(count(tried), "0", "what was typed is kept nowhere");
    let listed = place.ask("SELECT count() > 0 FROM audit WHERE object_kind = 'search' AND action = 'searched' AND object = ''");
    assert_eq!(listed, "1");
}
