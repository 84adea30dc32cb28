//! What pages show to somebody who may see them, in both languages.

use gatewatch::access::Role;

use crate::blocks;
use crate::parts::{Reply, Request};
use crate::place::{PASSWORD, Place};
use crate::visitor::{Visitor, between};

/// A page as a Russian reader in Moscow sees it.
pub fn in_russian(place: &Place, visitor: &Visitor, path: &str) -> Reply {
    let cookie = format!("{}; language=ru; zone=Europe/Moscow", visitor.cookie());
    let request = Request::get(place.port(), path).header("Cookie", &cookie);
    request.send().expect(path)
}

pub fn pages_say_what_is_known(place: &Place) {
    let mut author = Visitor::nobody(place.port());
    author.sign_in(Role::RuleAuthor.name(), PASSWORD);
    contract(place, &author);
    events(place, &author);
    alerts(place, &author);
    blocks::found(place, &author);
    let sources = author.get("/sources").body;
    assert!(sources.contains("Mails since the start"), "{sources}");
    let sources = in_russian(place, &author, "/sources").body;
    assert!(sources.contains("Письма с запуска") && sources.contains("активен"));
}

fn contract(place: &Place, visitor: &Visitor) {
    let page = visitor.get("/integrations/barriers").body;
    for text in [
        "barrier-*",
        "10.20.0.0/16",
        "TLSv1.2",
        "POST /v1/plates/check",
        "plate, lane",
        "240 / 1m",
        "Architecture board",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let page = in_russian(place, visitor, "/integrations/barriers").body;
    assert!(page.contains("Кто и откуда вызывает"), "{page}");
}

fn events(place: &Place, visitor: &Visitor) {
    let found = visitor.get("/events?q=client_address%3D198.51.100.1").body;
    let address = between(&found, "href=\"/events?event=", "\"");
    let whole = visitor.get(&format!("/events?event={address}")).body;
    for text in [
        "<dt>gateway</dt><dd>edge-1</dd>",
        "<dt>scheme</dt><dd>https</dd>",
    ] {
        assert!(whole.contains(text), "{text}: {whole}");
    }
    assert_eq!(visitor.get("/events?event=1.0.0.nowhere").status, 404);
    let wrong = in_russian(place, visitor, "/events?q=nofield%3D1").body;
    assert!(wrong.contains("поля `nofield` нет"), "{wrong}");
    let typed = "/events?q=status%3D404&from=01.11.2026+12:00";
    let sent = in_russian(place, visitor, typed);
    let to = sent.header("location");
    assert!(to.contains("from=2026-11-01T09%3A00%3A00"), "{to}");
    let page = in_russian(place, visitor, to).body;
    assert!(page.contains("value=\"2026-11-01 12:00:00\""), "{page}");
}

fn alerts(place: &Place, visitor: &Visitor) {
    let tiles = visitor.get("/").body;
    assert!(tiles.contains("/alerts?level=only-high"), "{tiles}");
    let one = visitor
        .get("/alerts?state=all&entity=address:198.51.100.1")
        .body;
    assert!(one.contains("<b>198.51.100.1</b>"), "{one}");
    assert!(!one.contains("<b>198.51.100.2</b>"), "{one}");
    let list = in_russian(place, visitor, "/alerts?state=all&entity=198.51.100.1").body;
    let title = between(&list, "class=\"row-title\"", "</a>");
    let title = title.rsplit('>').next().unwrap();
    let words: String = title.chars().take(12).collect();
    let words: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
    let found = visitor.get(&format!("/alerts?state=all&text={words}")).body;
    assert!(found.contains("<b>198.51.100."), "{title}: {found}");
    let rarest = visitor.get("/alerts?state=all&order=rarest").body;
    assert!(rarest.contains("<b>198.51.100."), "{rarest}");
    assert!(rarest.contains("Benjamini and Hochberg"), "{rarest}");
    let rarest = in_russian(place, visitor, "/alerts?state=all&order=rarest").body;
    assert!(rarest.contains("Бенджамини и Хохберг"), "{rarest}");
    let nothing = visitor.get("/alerts?state=all&until=2001-01-01T00:00:00Z");
    assert!(nothing.body.contains("There are no such alerts"));
}
