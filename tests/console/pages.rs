//! Every page in both languages, wide and narrow, and in the dark.

use crate::browser::Browser;
use crate::people::speak;
use crate::place::{Place, pages};
use crate::words::{ENGLISH, RUSSIAN, Words};

/// The size of a window on a desk, in which pages are left.
pub const WIDE: (u32, u32) = (1920, 1200);
/// That of a phone.
const NARROW: (u32, u32) = (360, 800);

/// Looks at the page that is shown, narrow and wide; in one language also in the dark, as colours are the same in both.
pub async fn look(browser: &mut Browser, name: &str, words: &Words) {
    let name = format!("{name}-{}", words.language);
    for (width, height) in [NARROW, WIDE] {
        browser.resize(width, height).await;
        browser.inspect(&format!("{name}-{width}")).await;
    }
    if words.language == RUSSIAN.language {
        browser.colours("dark").await;
        browser.inspect(&format!("{name}-dark")).await;
        browser.colours("light").await;
    }
}

/// Every page of somebody who may see all that one person may, in Russian, then in English.
pub async fn every_page(browser: &mut Browser, place: &Place) {
    let alert = place.alerts().remove(0);
    let pages = pages(&alert, &place.incident());
    for (words, next) in [(&RUSSIAN, &ENGLISH), (&ENGLISH, &RUSSIAN)] {
        for (name, path) in &pages {
            browser.goto(&format!("{}{path}", place.url())).await;
            let page = format!("html[lang='{}'] main h1", words.language);
            browser.find(&page).await;
            look(browser, name, words).await;
        }
        report(browser, place, words).await;
        browser.goto(&place.url()).await;
        browser.reads(words.overview).await;
        speak(browser, next).await;
    }
    let zone = browser.run("return document.cookie").await;
    assert!(zone.as_str().unwrap().contains("zone="), "{zone}");
}

/// The report for an auditor, which is a page of paper: it has no narrow form and one scheme, and brings its style along.
async fn report(browser: &mut Browser, place: &Place, words: &Words) {
    let address = format!("{}/integrations/barriers/report", place.url());
    browser.goto(&address).await;
    let page = format!("html[lang='{}'] h1", words.language);
    browser.find(&page).await;
    let style = "return getComputedStyle(document.querySelector('table')).borderCollapse";
    let style = browser.run(style).await;
    assert_eq!(style, "collapse", "its own style is let in");
    browser.inspect(&format!("report-{}", words.language)).await;
}
