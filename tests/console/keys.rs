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
    complete(browser).await;
}

/// The field that searches events offers names of fields for its last word, and keeps what stands before it.
async fn complete(browser: &Browser) {
    for (typed, before) in [
        ("cl", ""),
        ("status>=400 cl", "status>=400 "),
        ("status>=400 path~a ", "status>=400 path~a "),
    ] {
        browser.fill("#q", typed).await;
        let offered = "return Array.from(document.querySelectorAll('#fields option'), (option) => option.value)";
        let offered = browser.run(offered).await;
        let offered = offered.as_array().unwrap();
        let names = offered.iter().map(|it| it.as_str().unwrap());
        let mut names = names.map(|it| it.strip_prefix(before));
        let has_client = names.clone().any(|it| it == Some("client_id="));
        assert!(has_client, "{typed}: {offered:?}");
        let is_name = |it: Option<&str>| it.is_some_and(|it| !it.contains(' '));
        assert!(names.all(is_name), "{typed}: {offered:?}");
    }
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
