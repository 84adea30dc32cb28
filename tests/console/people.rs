//! People at the browser: they choose a language, sign in, change passwords, set second factors up, and go.

use crate::browser::Browser;
use crate::pages::look;
use crate::place::{FIRST, PASSWORD, Place};
use crate::visitor::code;
use crate::words::{ENGLISH, RUSSIAN, Words};

const OFFICER: &str = "data_protection_officer";

/// Goes on in the other language.
pub async fn speak(browser: &Browser, words: &Words) {
    browser.click("form[action='/language'] button").await;
    let page = format!("html[lang='{}']", words.language);
    browser.find(&page).await;
}

pub async fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.fill("#name", name).await;
    browser.fill("#password", password).await;
    browser.click("main button").await;
}

pub async fn sign_out(browser: &Browser) {
    browser.click("form[action='/sign-out'] button").await;
    browser.find("#password").await;
}

/// Signs in for the first time, and has to change the password before anything else.
pub async fn come_first(browser: &mut Browser, place: &Place, name: &str, words: &Words) {
    sign_in(browser, name, FIRST).await;
    browser.reads(words.first_password).await;
    let picture = format!("first-password-{}", words.language);
    browser.inspect(&picture).await;
    browser.fill("#old", FIRST).await;
    browser.fill("#new", PASSWORD).await;
    browser.fill("#again", PASSWORD).await;
    browser.click("main button").await;
    browser.reads(words.on_record).await;
    browser.goto(&place.url()).await;
}

/// Sets a second factor up, without which the role gets no further; the first recovery code.
async fn enrol(browser: &mut Browser, words: &Words) -> String {
    browser.reads(words.second_factor).await;
    look(browser, "enrolment", words).await;
    let secret = browser.find("#secret").await.text().await.unwrap();
    browser.fill("#code", &code(&secret)).await;
    browser.click("main button").await;
    browser.reads(words.recovery).await;
    look(browser, "recovery", words).await;
    browser.find(".codes code").await.text().await.unwrap()
}

/// The administrator comes for the first time, in Russian.
pub async fn administrator(browser: &mut Browser, place: &Place) {
    browser.goto(&place.url()).await;
    come_first(browser, place, "administrator", &RUSSIAN).await;
    enrol(browser, &RUSSIAN).await;
}

/// The data protection officer comes for the first time, in English, looks somebody up, and comes again with a recovery code.
pub async fn officer(browser: &mut Browser, place: &Place) {
    browser.goto(&place.url()).await;
    speak(browser, &ENGLISH).await;
    look(browser, "sign-in", &ENGLISH).await;
    come_first(browser, place, OFFICER, &ENGLISH).await;
    let recovery = enrol(browser, &ENGLISH).await;
    browser.goto(&format!("{}/persons", place.url())).await;
    browser.find("#identifier").await;
    look(browser, "persons", &ENGLISH).await;
    speak(browser, &RUSSIAN).await;
    look(browser, "persons", &RUSSIAN).await;
    browser.fill("#case", "case-78").await;
    browser.fill("#identifier", "anna").await;
    browser.click("main button").await;
    browser.find("main section[role='status']").await;
    look(browser, "person", &RUSSIAN).await;
    sign_out(browser).await;
    browser.goto(&place.url()).await;
    sign_in(browser, OFFICER, PASSWORD).await;
    browser.find("form[action='/second-factor']").await;
    look(browser, "second-factor", &RUSSIAN).await;
    speak(browser, &ENGLISH).await;
    look(browser, "second-factor", &ENGLISH).await;
    browser.fill("#code", &recovery).await;
    browser.click("main button").await;
    browser.reads(ENGLISH.overview).await;
    speak(browser, &RUSSIAN).await;
    sign_out(browser).await;
}
