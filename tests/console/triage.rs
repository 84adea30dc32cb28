//! The whole triage in a browser: from ten mails to ten closed alerts, and every page in both languages, wide and narrow.

use serde_json::Value;

use crate::browser::Browser;
use crate::parts::wait_for;
use crate::place::{ATTACKERS, FIRST, HOSTILE, LIMIT, PASSWORD, Place, pages};
use crate::visitor::{between, code};

#[test]
fn ten_alerts_go_from_mail_to_closed_and_every_page_is_for_everybody() {
    let place = Place::start("");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut browser = Browser::start(place.folder.path()).await;
        browser.resize(1920, 1200).await;
        sign_in_first(&mut browser, &place).await;
        triage(&mut browser, &place).await;
        mails(&browser, &place).await;
        browser.goto(&place.url()).await;
        hostile(&mut browser, &place).await;
        sign_out(&browser).await;
        administrator(&mut browser, &place).await;
        every_page(&mut browser, &place).await;
        assert!(browser.barriers.is_empty(), "{:#?}", browser.barriers);
        browser.client.close().await.unwrap();
    });
}

/// The responder signs in for the first time, in Russian, and has to change the password.
async fn sign_in_first(browser: &mut Browser, place: &Place) {
    browser.goto(&place.url()).await;
    browser.reads("Войти").await;
    browser.inspect("sign-in-ru").await;
    browser.fill("#name", "responder").await;
    browser.fill("#password", "a wrong password").await;
    browser.click("main button").await;
    browser.reads("Имя или пароль не подходят").await;
    sign_in(browser, "responder", FIRST).await;
    browser.reads("Первый пароль надо сменить").await;
    browser.inspect("password-ru").await;
    change_password(browser, FIRST, PASSWORD).await;
    browser.reads("Записано").await;
    browser.goto(&place.url()).await;
    browser.reads("Самое опасное из открытого").await;
}

async fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.fill("#name", name).await;
    browser.fill("#password", password).await;
    browser.click("main button").await;
}

async fn change_password(browser: &Browser, old: &str, new: &str) {
    browser.fill("#old", old).await;
    browser.fill("#new", new).await;
    browser.fill("#again", new).await;
    browser.click("main button").await;
}

async fn sign_out(browser: &Browser) {
    browser.click("form[action='/sign-out'] button").await;
    browser.reads("Войти").await;
}

/// The addresses of alerts of attackers, out of the mails to the Russian reader.
fn links(place: &Place) -> Vec<String> {
    wait_for("a mail for each attacker", LIMIT, || {
        let mut links = Vec::new();
        for summary in place.mailpit.mails() {
            let to = summary["To"][0]["Address"].as_str()?;
            let mail: Value = place.mailpit.mail(summary["ID"].as_str()?);
            let html = mail["HTML"].as_str()?;
            if to == "soc@example.org" && html.contains("198.51.100.") && html.contains("/alerts/")
            {
                let id = between(html, &format!("{}/alerts/", place.url()), "\"");
                links.push(format!("{}/alerts/{id}", place.url()));
            }
        }
        links.sort();
        links.dedup();
        (links.len() >= ATTACKERS).then_some(links)
    })
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
            kept.push(language);
        }
    }
    kept.sort_unstable();
    assert_eq!(kept, ["en", "ru"]);
}

/// From the mail to the decision, ten times, in five ways.
async fn triage(browser: &mut Browser, place: &Place) {
    for (at, link) in links(place).into_iter().take(ATTACKERS).enumerate() {
        browser.goto(&link).await;
        let text = browser.reads("etc/passwd").await;
        assert!(text.contains("198.51.100."), "{text}");
        if at == 0 {
            browser.inspect("alert-ru").await;
            browser.click("button[value='acknowledge']").await;
            browser.reads("принято").await;
            browser.click("button[value='take']").await;
            browser.reads("в работе").await;
        }
        let (deed, state) = [
            ("true", "закрыто: верно"),
            ("false", "закрыто: ложно"),
            ("harmless", "закрыто: безобидно"),
        ][at % 3];
        browser.click(&format!("button[value='{deed}']")).await;
        browser.reads("Напишите, почему").await;
        browser.goto(&link).await;
        browser
            .fill("#comment", &format!("проверено, случай {at}"))
            .await;
        browser.click(&format!("button[value='{deed}']")).await;
        let text = browser.reads(&format!("случай {at}")).await;
        assert!(text.contains(state) && text.contains("responder"), "{text}");
        if at == 1 {
            browser.fill("#comment", "рано закрыли").await;
            browser.click("button[value='reopen']").await;
            browser.reads("открыто снова").await;
            browser.fill("#comment", "теперь верно").await;
            browser.click("button[value='true']").await;
            browser.reads("закрыто: верно").await;
        }
    }
    let closed = place.ask("SELECT count() FROM alerts_latest WHERE startsWith(state, 'closed') AND entity LIKE '198.51.100.%' AND state_by = 'responder'");
    assert_eq!(closed, ATTACKERS.to_string());
    bulk_and_block(browser, place).await;
}

/// What is left is taken on at once from the list, by keyboard and ticks; then an address is blocked.
async fn bulk_and_block(browser: &mut Browser, place: &Place) {
    browser.goto(&format!("{}/alerts", place.url())).await;
    browser.inspect("alerts-ru").await;
    assert!(
        !browser.text().await.contains("198.51.100.7 "),
        "closed ones are not among the open"
    );
    browser.find("body").await.send_keys("j").await.unwrap();
    let here = browser.run("return document.activeElement.className").await;
    assert_eq!(here, "row-title", "j goes to the first alert");
    browser.click("#tick-all").await;
    browser.click("#deed option[value='take']").await;
    browser.click(".bulk button").await;
    browser.reads("Записано для оповещений").await;
    browser.goto(&format!("{}/decisions", place.url())).await;
    browser.fill("#value", "198.51.100.1").await;
    browser.fill("#reason", "обход каталогов").await;
    browser.click("section.card button").await;
    browser.reads("действует").await;
    browser.fill("table input[name='reason']", "ошибка").await;
    browser.click("button[value='revoke']").await;
    browser.reads("отменено").await;
    browser.fill("#value", "203.0.113.250").await;
    browser.fill("#reason", "нельзя").await;
    browser.click("section.card button").await;
    browser.reads("в списке разрешённых").await;
}

/// What a caller wrote stands as text wherever it stands.
async fn hostile(browser: &mut Browser, place: &Place) {
    let agent = "&lt;script&gt;window.pwned=1";
    browser
        .goto(&format!(
            "{}/events?q=client_address%3D203.0.113.66",
            place.url()
        ))
        .await;
    browser.reads("<script>window.pwned=1").await;
    let source = browser.client.source().await.unwrap();
    assert!(
        source.contains(agent) && !source.contains("<script>window"),
        "{source}"
    );
    browser.inspect("hostile-events").await;
    let id =
        place.ask("SELECT toString(id) FROM alerts_latest WHERE entity = '203.0.113.66' LIMIT 1");
    browser.goto(&format!("{}/alerts/{id}", place.url())).await;
    browser.reads("<script>").await;
    browser.inspect("hostile-alert").await;
    browser
        .goto(&format!("{}/entities/address/203.0.113.66", place.url()))
        .await;
    browser.reads(HOSTILE).await;
    browser.inspect("hostile-entity").await;
    let search = form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect::<String>();
    browser
        .goto(&format!("{}/alerts?text={search}", place.url()))
        .await;
    browser.inspect("hostile-search").await;
}

/// The administrator needs a second factor, and sets it up in the browser.
async fn administrator(browser: &mut Browser, place: &Place) {
    browser.goto(&place.url()).await;
    sign_in(browser, "administrator", FIRST).await;
    browser.reads("Первый пароль надо сменить").await;
    change_password(browser, FIRST, PASSWORD).await;
    browser.reads("Записано").await;
    browser.goto(&place.url()).await;
    browser.reads("Ваша роль требует второго фактора").await;
    browser.inspect("enrolment-ru").await;
    let secret = browser.find("#secret").await.text().await.unwrap();
    browser.fill("#code", &code(&secret)).await;
    browser.click("main button").await;
    browser.reads("Коды восстановления").await;
    browser.inspect("recovery-ru").await;
}

/// Every page in both languages, at 1,920 and at 360 pixels.
async fn every_page(browser: &mut Browser, place: &Place) {
    let alert = place.alerts().remove(0);
    let pages = pages(&alert, &place.incident());
    for (language, words) in [("ru", "Оповещения"), ("en", "Alerts")] {
        for (width, height) in [(1920, 1200), (360, 800)] {
            browser.resize(width, height).await;
            for (name, path) in &pages {
                browser.goto(&format!("{}{path}", place.url())).await;
                browser.reads(words).await;
                browser.inspect(&format!("{name}-{language}-{width}")).await;
            }
        }
        browser.resize(1920, 1200).await;
        browser.click("form[action='/language'] button").await;
    }
    let zone = browser.run("return document.cookie").await;
    assert!(zone.as_str().unwrap().contains("zone="), "{zone}");
}
