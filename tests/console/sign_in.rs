//! Signing in and out: passwords, forms, second factors, sessions, and what is refused.

use gatewatch::access::{Role, token_hash};

use crate::access::head_of_stream;
use crate::parts::{Reply, Request, wait_for};
use crate::place::{LIMIT, PASSWORD, Place};
use crate::visitor::{Visitor, between, code, form};

/// Wrong passwords, wrong forms, second factors, ended sessions, accounts that are taken away.
pub fn people_in_and_out(place: &Place) {
    let mut viewer = Visitor::nobody(place.port());
    assert_eq!(viewer.sign_in("viewer", PASSWORD).status, 303);
    // A form without the signature, or with that of another session, is not ours.
    assert_eq!(viewer.post_plain("/sign-out", &[]).status, 403);
    assert_eq!(
        viewer.post_plain("/sign-out", &[("signature", "x")]).status,
        403
    );
    viewer.read_signature("/account");
    assert_eq!(viewer.post("/sign-out", &[]).status, 303);
    assert!(viewer.get("/").header("location").starts_with("/sign-in"));

    let mut officer = Visitor::nobody(place.port());
    officer.sign_in("data_protection_officer", PASSWORD);
    assert_eq!(
        officer.get("/").header("location"),
        "/second-factor",
        "the password alone opens nothing"
    );
    let mut administrator = Visitor::nobody(place.port());
    let name = Role::Administrator.name();
    assert_eq!(administrator.sign_in(name, "wrong password").status, 403);
    assert_eq!(
        administrator
            .sign_in("nobody.there", "wrong password")
            .status,
        403
    );
    refusals_tell_nobody(place);
    // By now the second factor is known to nobody here; the command line sets it anew.
    let reset = place
        .command(&["account", "reset", name, "--by", "test"])
        .output()
        .unwrap();
    let first = String::from_utf8(reset.stdout).unwrap();
    assert_eq!(administrator.sign_in(name, first.trim()).status, 303);
    administrator.read_signature("/account/password");
    let pairs = [
        ("old", first.trim()),
        ("new", PASSWORD),
        ("again", PASSWORD),
    ];
    let changed = administrator.post("/account/password", &pairs);
    assert_eq!(changed.status, 303);
    let before = administrator.clone();
    administrator.keep(&changed);
    let old = before.get("/account");
    assert!(
        old.header("location").starts_with("/sign-in"),
        "what the old password opened is over"
    );
    let before = administrator.clone();
    administrator.read_signature("/account/second-factor");
    let (shown, codes) = administrator.enrol();
    let old = before.get("/account");
    assert!(
        old.header("location").starts_with("/sign-in"),
        "what was opened without the second factor is over"
    );
    second_factors(place, &shown, &codes);
    // Another phone needs the password, also with a code that fits.
    let page = administrator.get("/account/second-factor").body;
    let sealed = between(&page, "name=\"sealed\" value=\"", "\"").to_owned();
    let secret = between(&page, "<code id=\"secret\">", "</code>").to_owned();
    let pairs = [("sealed", sealed.as_str()), ("code", &code(&secret))];
    let refused = administrator.post("/account/second-factor", &pairs);
    assert!(refused.body.contains("role=\"alert\"") && !refused.body.contains("<li><code>"));
    administrator.read_signature("/accounts");
    let added = administrator.post("/accounts", &[("name", "New.One"), ("role", "viewer")]);
    let password = between(&added.body, "<code id=\"fresh\">", "</code>").to_owned();
    let mut fresh = Visitor::nobody(place.port());
    assert_eq!(fresh.sign_in("new.one", &password).status, 303);
    assert_eq!(fresh.get("/").header("location"), "/account/password");
    let last = administrator.post("/accounts/administrator", &[("deed", "disable")]);
    assert_eq!(last.header("location"), "/accounts?said=last");
    let gone = administrator.post("/accounts/new.one", &[("deed", "disable")]);
    assert_eq!(gone.header("location"), "/accounts?said=done");
    assert!(
        fresh
            .get("/account")
            .header("location")
            .starts_with("/sign-in"),
        "it is out at once"
    );
    assert_eq!(fresh.sign_in("new.one", &password).status, 403);
    too_many_tries(place);
}

fn second_factors(place: &Place, shown: &str, codes: &[String]) {
    let half = || {
        let mut visitor = Visitor::nobody(place.port());
        assert_eq!(
            visitor
                .sign_in("administrator", PASSWORD)
                .header("location"),
            "/second-factor?back=%2F"
        );
        visitor.read_signature("/second-factor");
        visitor
    };
    let mut visitor = half();
    // The code that set it up was taken, and is not taken again.
    let again = visitor.post("/second-factor", &[("code", shown)]);
    assert_eq!(again.status, 403);
    let recovered = visitor.post("/second-factor", &[("code", &codes[0].to_uppercase())]);
    assert_eq!(recovered.header("location"), "/", "{}", recovered.body);
    let before = visitor.clone();
    visitor.keep(&recovered);
    assert_eq!(visitor.get("/accounts").status, 200);
    assert!(
        before.get("/").header("location").starts_with("/sign-in"),
        "the half session is over"
    );
    let used = half().post("/second-factor", &[("code", &codes[0])]);
    assert_eq!(used.status, 403, "a recovery code is good once");
    codes_at_once(half, codes);
}

/// One code in two browsers at once opens one; two codes open both, and neither comes back.
fn codes_at_once(half: impl Fn() -> Visitor, codes: &[String]) {
    let show = |visitor: &Visitor, code: &str| {
        let reply = visitor.post("/second-factor", &[("code", code)]);
        reply.status
    };
    let both = |codes: [&str; 2]| {
        let (one, two) = (half(), half());
        let mut statuses = std::thread::scope(|scope| {
            let one = scope.spawn(|| show(&one, codes[0]));
            let two = show(&two, codes[1]);
            [one.join().unwrap(), two]
        });
        statuses.sort_unstable();
        statuses
    };
    assert_eq!(both([&codes[1], &codes[1]]), [303, 403]);
    assert_eq!(both([&codes[2], &codes[3]]), [303, 303]);
    for code in &codes[1..4] {
        assert_eq!(show(&half(), code), 403);
    }
    assert_eq!(show(&half(), &codes[4]), 303);
}

/// What a refusal leaves behind is not waited for: who has an account is answered as who has none.
fn refusals_tell_nobody(place: &Place) {
    place.ask("RENAME TABLE audit TO audit_away");
    for name in ["viewer", "nobody.there"] {
        let refused = Visitor::nobody(place.port()).sign_in(name, "wrong password");
        assert_eq!(refused.status, 403, "{name}: {}", refused.body);
    }
    place.ask("RENAME TABLE audit_away TO audit");
}

/// The cookie of a browser that signed in, as it is sent.
pub fn device(reply: &Reply) -> String {
    let lines = reply.head.lines();
    let mut cookies = lines.filter_map(|line| line.strip_prefix("set-cookie: "));
    let found = cookies.find(|it| it.starts_with("__Host-gatewatch-device="));
    let found = found.unwrap_or_else(|| panic!("{}", reply.head));
    let (pair, rest) = found.split_once(';').unwrap();
    assert!(
        rest.contains("Secure") && rest.contains("HttpOnly"),
        "{found}"
    );
    pair.to_owned()
}

/// A sign-in from a browser that shows this.
pub fn sign_in_from(place: &Place, device: &str, name: &str, password: &str) -> Reply {
    let body = form(&[("name", name), ("password", password)]);
    let request = Request::with_body("POST", place.port(), "/sign-in", &body);
    request.header("Cookie", device).send().unwrap()
}

fn try_from(place: &Place, device: &str, name: &str, password: &str) -> u16 {
    sign_in_from(place, device, name, password).status
}

/// A browser that signed in before is not held by what others try with its name, and has tries of its own; a new password makes it a stranger.
fn known_browsers(place: &Place, mut known: Visitor, first: &str) {
    let name = "rule_author";
    assert_eq!(try_from(place, first, name, PASSWORD), 303);
    let statuses: Vec<u16> = (0..5)
        .map(|_| try_from(place, first, name, "wrong password"))
        .collect();
    assert_eq!(statuses, [403, 403, 403, 403, 429]);
    known.read_signature("/account/password");
    let wrong = [("old", "wrong"), ("new", "other"), ("again", "other")];
    assert_eq!(known.post("/account/password", &wrong).status, 400);
    let password = format!("{PASSWORD} снова");
    let pairs = [("old", PASSWORD), ("new", &password), ("again", &password)];
    let changed = known.post("/account/password", &pairs);
    assert_eq!(changed.status, 303, "{}", changed.body);
    let second = device(&changed);
    // The fifth failure of the name holds it for four seconds.
    wait_for("another try of the name", LIMIT, || {
        (try_from(place, "", name, "wrong password") == 403).then_some(())
    });
    assert_eq!(try_from(place, first, name, &password), 429);
    assert_eq!(try_from(place, &second, name, &password), 303);
}

/// Behind a proxy that says nothing of who asks, the service says what that means.
fn says_what_an_address_is(place: &Place) {
    let log = std::fs::read_to_string(place.path("gatewatch.log")).unwrap();
    assert!(log.contains("console.address_header is empty"), "{log}");
}

fn too_many_tries(place: &Place) {
    let mut known = Visitor::nobody(place.port());
    let first = device(&known.sign_in("rule_author", PASSWORD));
    let mut visitor = Visitor::nobody(place.port());
    let statuses: Vec<u16> = (0..6)
        .map(|_| visitor.sign_in("rule_author", "wrong password").status)
        .collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    assert_eq!(
        visitor.sign_in("rule_author", PASSWORD).status,
        429,
        "the right one has to wait too"
    );
    known_browsers(place, known, &first);
    says_what_an_address_is(place);
    // At once no more are looked at than one after another.
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| {
                let mut visitor = Visitor::nobody(place.port());
                scope.spawn(move || visitor.sign_in("nobody.at.all", "wrong password").status)
            })
            .collect();
        tries.into_iter().map(|it| it.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [403, 403, 403, 403, 429, 429, 429, 429]);
}

/// A session that nobody used for too long is over, also where it was never seen before; a page that waits for news uses none.
pub fn idle_sessions(place: &Place) {
    place.ask("INSERT INTO accounts (name, revision, actor, role, password, must_change, second_factor, recovery, disabled, sessions_since) SELECT 'sleeper', 1, 'test', 'viewer', '', 0, '', [], 0, toDateTime64(0, 6)");
    for token in ["asleep", "awake"] {
        let id = token_hash(token);
        place.ask(&format!("INSERT INTO sessions SELECT '{id}', 1, 'sleeper', 'whole', '', now64(6) - INTERVAL 2 HOUR, now64(6) + INTERVAL 2 HOUR, 0, '', ''"));
    }
    let id = token_hash("awake");
    place.ask(&format!(
        "INSERT INTO session_uses SELECT '{id}', now64(6) - INTERVAL 30 MINUTE"
    ));
    let status = |token: &str, path: &str| {
        head_of_stream(place, path, &format!("__Host-gatewatch={token}")).0
    };
    let is_used = || {
        place.ask(&format!(
            "SELECT max(used) > now64(6) - INTERVAL 10 MINUTE FROM session_uses WHERE id = '{id}'"
        ))
    };
    assert_eq!(status("asleep", "/account"), 303);
    assert_eq!(status("awake", "/live"), 200);
    assert_eq!(is_used(), "0");
    assert_eq!(status("awake", "/account"), 200);
    assert_eq!(is_used(), "1");
}
