//! The whole triage in a browser: from ten mails to ten closed alerts, in both languages; then everything else that a browser shows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::browser::Browser;
use crate::hostile;
use crate::keys::keys;
use crate::pages::{WIDE, every_page, look};
use crate::parts::wait_for;
use crate::people::{administrator, come_first, officer, sign_in, sign_out, speak};
use crate::place::{ATTACKERS, LIMIT, Place};
use crate::visitor::between;
use crate::words::{ENGLISH, RUSSIAN, Words};

#[test]
fn ten_alerts_go_from_mail_to_closed_and_every_page_is_for_everybody() {
    let place = Place::start("");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut browser = Browser::start(place.folder.path()).await;
        browser.resize(WIDE.0, WIDE.1).await;
        // The pages of links ask ClickHouse.
        place.alerts();
        acknowledge(&mut browser, &place, &RUSSIAN).await;
        speak(&browser, &ENGLISH).await;
        acknowledge(&mut browser, &place, &ENGLISH).await;
        speak(&browser, &RUSSIAN).await;
        responder(&mut browser, &place).await;
        triage(&mut browser, &place, &RUSSIAN).await;
        speak(&browser, &ENGLISH).await;
        triage(&mut browser, &place, &ENGLISH).await;
        let closed = place.ask("SELECT count() FROM alerts_latest WHERE startsWith(state, 'closed') AND entity LIKE '198.51.100.%' AND state_by = 'responder'");
        assert_eq!(closed, ATTACKERS.to_string());
        several_and_block(&mut browser, &place, &ENGLISH).await;
        speak(&browser, &RUSSIAN).await;
        several_and_block(&mut browser, &place, &RUSSIAN).await;
        keys(&browser, &place).await;
        mails(&browser, &place).await;
        browser.goto(&place.url()).await;
        sign_out(&browser).await;
        officer(&mut browser, &place).await;
        administrator(&mut browser, &place).await;
        every_page(&mut browser, &place).await;
        hostile::pages(&mut browser, &place).await;
        hostile::exports(&place);
        assert!(browser.barriers.is_empty(), "{:#?}", browser.barriers);
        browser.client.close().await.unwrap();
    });
}

/// The responder comes for the first time, in Russian.
async fn responder(browser: &mut Browser, place: &Place) {
    browser.goto(&place.url()).await;
    browser.reads("Войти").await;
    look(browser, "sign-in", &RUSSIAN).await;
    sign_in(browser, "responder", "a wrong password").await;
    browser.reads("Имя или пароль не подходят").await;
    come_first(browser, place, "responder", &RUSSIAN).await;
    browser.reads(RUSSIAN.overview).await;
}

/// A mail about an alert: the address of the alert, and that which acknowledges it.
struct Letter {
    alert: String,
    acknowledge: String,
}

/// Of the mails about attackers to the reader of a language those that are gone through in it.
fn letters(place: &Place, words: &Words) -> Vec<Letter> {
    let all = wait_for("a mail for each attacker", LIMIT, || {
        // Each has another alert, which may be told a little later.
        let ids = place.ask("SELECT toString(id) FROM alerts_latest WHERE entity LIKE '198.51.100.%' AND title = 'Parameter climbs out of its folder'");
        let mut all = BTreeMap::new();
        for summary in place.mailpit.mails() {
            let to = summary["To"][0]["Address"].as_str()?;
            let mail: Value = place.mailpit.mail(summary["ID"].as_str()?);
            let html = mail["HTML"].as_str()?;
            if to == words.reader && html.contains("198.51.100.") && html.contains("/acknowledge?")
            {
                let link = |path| {
                    let before = format!("{}{path}", place.url());
                    let rest = between(html, &before, "\"").replace("&amp;", "&");
                    before + &rest
                };
                let alert = link("/alerts/");
                if ids.lines().any(|id| alert.ends_with(id)) {
                    all.insert(alert, link("/acknowledge?"));
                }
            }
        }
        (all.len() >= ATTACKERS).then_some(all)
    });
    all.into_iter()
        .skip(words.skipped)
        .take(ATTACKERS / 2)
        .map(|(alert, acknowledge)| Letter { alert, acknowledge })
        .collect()
}

/// The reader of a mail says by its link to have seen the alert, without signing in: once.
async fn acknowledge(browser: &mut Browser, place: &Place, words: &Words) {
    // It is closed later as any other.
    let letter = letters(place, words).pop().unwrap();
    browser.goto(&letter.acknowledge).await;
    browser.reads(words.seen).await;
    look(browser, "acknowledge", words).await;
    browser.click("main button").await;
    browser
        .reads(&format!("{}: {}", words.on_record, words.reader))
        .await;
    browser.goto(&letter.acknowledge).await;
    let text = browser.reads(words.seen_before).await;
    assert!(!text.contains(words.seen), "{text}");
    look(browser, "acknowledged", words).await;
    let count = place.ask(&format!(
        "SELECT count() FROM alert_actions WHERE actor = '{}' AND action = 'acknowledge'",
        words.reader
    ));
    assert_eq!(count, "1");
}

/// A mail to each reader, as a mail program shows it.
async fn mails(browser: &Browser, place: &Place) {
    let mut kept = Vec::new();
    for summary in place.mailpit.mails() {
        let to = summary["To"][0]["Address"].as_str().unwrap();
        let language = if to == "soc@example.org" { "ru" } else { "en" };
        let is_of_attacker = summary["Subject"].as_str().unwrap().contains("198.51.100.");
        if is_of_attacker && !kept.contains(&language) {
            let id = summary["ID"].as_str().unwrap();
            let port = place.mailpit.http_port();
            browser
                .goto(&format!("http://127.0.0.1:{port}/view/{id}.html"))
                .await;
            browser.reads("198.51.100.").await;
            browser.keep(&format!("mail-{language}")).await;
            // What a program shows that has no HTML.
            browser
                .goto(&format!("http://127.0.0.1:{port}/view/{id}.txt"))
                .await;
            browser.reads("198.51.100.").await;
            browser.keep(&format!("mail-text-{language}")).await;
            kept.push(language);
        }
    }
    kept.sort_unstable();
    assert_eq!(kept, ["en", "ru"]);
}

/// From the mail to the decision, five times, in five ways.
async fn triage(browser: &mut Browser, place: &Place, words: &Words) {
    for (at, letter) in letters(place, words).iter().enumerate() {
        browser.goto(&letter.alert).await;
        let text = browser.reads("etc/passwd").await;
        assert!(text.contains("198.51.100."), "{text}");
        if at == 0 {
            look(browser, "open-alert", words).await;
            browser.click("button[value='acknowledge']").await;
            browser.reads(words.acknowledged).await;
            browser.click("button[value='take']").await;
            browser.reads(words.in_work).await;
        }
        let (deed, state) = [
            ("true", words.closed[0]),
            ("false", words.closed[1]),
            ("harmless", words.closed[2]),
        ][at % 3];
        browser.click(&format!("button[value='{deed}']")).await;
        browser.reads(words.say_why).await;
        browser.goto(&letter.alert).await;
        let why = format!("{} {at}", words.checked);
        browser.fill("#comment", &why).await;
        browser.click(&format!("button[value='{deed}']")).await;
        let text = browser.reads(&why).await;
        assert!(text.contains(state) && text.contains("responder"), "{text}");
        if at == 1 {
            browser.fill("#comment", words.too_early).await;
            browser.click("button[value='reopen']").await;
            browser.reads(words.reopened).await;
            browser.fill("#comment", words.after_all).await;
            browser.click("button[value='true']").await;
            browser.reads(words.closed[0]).await;
        }
    }
}

/// What is left is taken on at once from the list, by ticks; then an address is blocked.
async fn several_and_block(browser: &mut Browser, place: &Place, words: &Words) {
    browser.goto(&format!("{}/alerts", place.url())).await;
    browser.find("#tick-all").await;
    let open = browser.run(
        "return Array.from(document.querySelectorAll('#rows .row-title'), (link) => link.href)",
    );
    let open = open.await;
    for letter in letters(place, words) {
        let closed = json!(letter.alert);
        assert!(!open.as_array().unwrap().contains(&closed), "{open}");
    }
    browser.click("#tick-all").await;
    browser.click("#deed option[value='take']").await;
    browser.click(".bulk button").await;
    browser.reads(words.several).await;
    browser.goto(&format!("{}/decisions", place.url())).await;
    block(browser, "198.51.100.1", words.traversal).await;
    let text = browser
        .reads(&format!("responder: {}", words.traversal))
        .await;
    assert!(text.contains(words.in_force), "{text}");
    browser
        .fill("table input[name='reason']", words.mistake)
        .await;
    browser.click("button[value='revoke']").await;
    let text = browser
        .reads(&format!("responder: {}", words.mistake))
        .await;
    assert!(text.contains(words.revoked), "{text}");
    block(browser, "203.0.113.250", words.traversal).await;
    browser.reads(words.allowed).await;
}

async fn block(browser: &Browser, address: &str, reason: &str) {
    browser.fill("#value", address).await;
    browser.fill("#reason", reason).await;
    browser.click("section.card button").await;
}
