//! The keyboard, as docs/console.md has it.

use fantoccini::key::Key;
use serde_json::Value;

use crate::browser::Browser;
use crate::place::Place;

/// Goes through the list of alerts, ticks, searches and opens without a mouse.
pub async fn keys(browser: &Browser, place: &Place) {
    let list = format!("{}/alerts?state=all", place.url());
    browser.goto(&list).await;
    browser.find("#rows > .row:nth-child(2)").await;
    for (key, row) in [("j", 0), ("j", 1), ("k", 0), ("k", 0), ("j", 1)] {
        browser.press(key).await;
        let here = row_of("document.activeElement", browser).await;
        assert_eq!(here, row, "{key}");
    }
    let ticked = "document.querySelector('#rows input:checked')";
    browser.press("x").await;
    assert_eq!(row_of(ticked, browser).await, 1, "x ticks");
    browser.press("x").await;
    assert_eq!(row_of(ticked, browser).await, -1, "x takes the tick away");
    search(browser, "text").await;
    let here = row_of("document.querySelector('.here')", browser).await;
    assert_eq!(here, 1, "letters that are typed go nowhere");
    browser.goto(&list).await;
    browser.find("#rows > .row").await;
    browser.press("j").await;
    let link = browser.run("return document.activeElement.pathname").await;
    browser.press(&Key::Enter).await;
    browser.find("ol.timeline").await;
    assert_eq!(browser.path().await, link, "Enter opens it");
    browser.goto(&format!("{}/events", place.url())).await;
    search(browser, "q").await;
}

/// Goes to the field that searches; what is typed there are letters.
async fn search(browser: &Browser, field: &str) {
    browser.find(&format!("#{field}")).await;
    browser.press("/").await;
    let here = browser.run("return document.activeElement.id").await;
    assert_eq!(here, field, "/ goes to the search");
    browser.press("jkx/").await;
    let typed = browser.run("return document.activeElement.value").await;
    assert_eq!(typed, "jkx/");
}

/// The row of the list in which an element stands; -1 outside of all, or without it.
async fn row_of(element: &str, browser: &Browser) -> Value {
    let rows = "Array.from(document.querySelectorAll('#rows > .row'))";
    let script =
        format!("const it = {element}; return {rows}.findIndex((row) => it && row.contains(it))");
    browser.run(&script).await
}
