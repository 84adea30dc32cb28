//! Lines, header lines and events of Windows.

use super::*;

const LINE: &str = "2026-03-01 10:00:00 10.0.0.2 GET /a/%20b b=1+2 443 corp\\ann 192.0.2.7 Mozilla/5.0+(X11;+Linux) https://x/ 404 7 64 49";

fn columns() -> Columns {
    Columns::parse(&crate::config::Decode::default().iis_fields).unwrap()
}

fn event(line: &str) -> Event<'_> {
    columns().decode(line).unwrap()
}

fn detail(line: &str) -> String {
    columns().decode(line).unwrap_err().detail
}

#[test]
fn a_line_of_the_default_columns_gives_every_part() {
    let event = event(LINE);
    assert_eq!(
        Some(event.time),
        Timestamp::parse_rfc3339("2026-03-01T10:00:00Z")
    );
    assert_eq!(event.client_address, "192.0.2.7".parse().ok());
    assert_eq!(event.method.as_deref(), Some("GET"));
    assert_eq!(event.uri.as_deref(), Some("/a/%20b?b=1+2"));
    assert_eq!(
        (event.path.as_deref(), event.query.as_deref()),
        (Some("/a/%20b"), Some("b=1+2"))
    );
    assert_eq!(event.subject.as_deref(), Some("corp\\ann"));
    assert_eq!(
        event.user_agent.as_deref(),
        Some("Mozilla/5.0 (X11; Linux)")
    );
    assert_eq!(event.referer.as_deref(), Some("https://x/"));
    assert_eq!((event.status, event.duration_us), (Some(404), Some(49_000)));
    assert_eq!(event.error.as_deref(), Some("win32 status 64"));
    assert_eq!(event.waf_verdict.as_deref(), Some("block"));
}

#[test]
fn the_setting_names_the_columns() {
    let columns = Columns::parse(
        "#Fields: date time s-computername c-ip cs-method cs-uri-stem cs-uri-query sc-status sc-bytes cs-bytes cs-version cs-host cs(Cookie) X-Forwarded-For crypt-protocol custom",
    )
    .unwrap();
    let event = columns
        .decode("2026-03-01 10:00:00 web-1 fe80::1%4 GET / - 200 12 34 HTTP/1.1 api.example a=b;+c=d 192.0.2.7,+10.0.0.1 400 x")
        .unwrap();
    assert_eq!(event.gateway.as_deref(), Some("web-1"));
    assert_eq!(event.client_address, "fe80::1".parse().ok());
    assert_eq!(
        (event.response_bytes, event.request_bytes),
        (Some(12), Some(34))
    );
    assert_eq!(event.http_version.as_deref(), Some("1.1"));
    assert_eq!(event.host.as_deref(), Some("api.example"));
    assert_eq!(event.cookie.as_deref(), Some("a=b; c=d"));
    assert_eq!(event.forwarded_for.as_deref(), Some("192.0.2.7, 10.0.0.1"));
    assert_eq!(event.tls_version.as_deref(), Some("TLSv1.2"));
    assert_eq!((event.uri.as_deref(), event.query), (Some("/"), None));
    assert!(Columns::parse("date c-ip").is_none());
}

#[test]
fn header_lines_and_other_columns_are_no_events() {
    assert!(detail("#Fields: date time c-ip").contains("header line"));
    assert!(detail("#Software: Microsoft Internet Information Services").contains("header line"));
    assert!(detail("2026-03-01 10:00:00 10.0.0.2").contains("fewer columns"));
    assert!(detail(&format!("{LINE} 7")).contains("more columns"));
}

#[test]
fn what_is_wrong_in_a_column_is_named() {
    for (from, to, part) in [
        (" 404 ", " 4x4 ", "sc-status"),
        (" 7 64 ", " y 64 ", "sc-substatus"),
        (" 7 64 ", " 7 y ", "sc-win32-status"),
        (" 49", " soon", "time-taken"),
        ("192.0.2.7", "client", "c-ip"),
        ("10:00:00", "10:61:00", "no time"),
        ("2026-03-01 ", "- ", "no `date`"),
    ] {
        let detail = detail(&LINE.replacen(from, to, 1));
        assert!(detail.contains(part), "{part}: {detail}");
    }
}

/// An event of Windows with these columns.
fn windows(provider: &str, data: &str) -> String {
    format!(
        r#"<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="{provider}"/></System><EventData>{data}</EventData></Event>"#
    )
}

#[test]
fn an_event_of_windows_is_a_line_with_names() {
    let text = windows(
        "Microsoft-Windows-IIS-Logging",
        r#"<Data Name="date">2026-03-01</Data><Data Name='time'>10:00:00</Data><Data Name="c-ip">192.0.2.7</Data><Data Name="cs-uri-stem">/a</Data><Data Name="cs-uri-query">b=1&amp;c=&#x3C;&quot;&bogus;&</Data><Data Name="csUser-Agent">x+y</Data><Data Name="CustomFields" /><Data Name="sc-status">200</Data>"#,
    );
    let event = event(&text);
    assert_eq!(event.query.as_deref(), Some("b=1&c=<\"&bogus;&"));
    assert_eq!(event.user_agent.as_deref(), Some("x y"));
    assert_eq!(event.status, Some(200));
}

#[test]
fn an_agent_forges_no_column_of_xml() {
    let text = windows(
        "Microsoft-Windows-IIS-Logging",
        r#"<Data Name="date">2026-03-01</Data><Data Name="time">10:00:00</Data><Data Name="sc-status">403</Data><Data Name="csUser-Agent">&lt;/Data&gt;&lt;Data Name="sc-status"&gt;200</Data>"#,
    );
    assert_eq!(event(&text).status, Some(403));
}

#[test]
fn other_events_of_windows_are_refused() {
    let text = windows("Microsoft-Windows-Security-Auditing", "");
    assert!(detail(&text).contains("not of IIS"));
    assert!(detail("<html>").contains("EventData"));
    let text = windows(
        "Microsoft-Windows-IIS-Logging",
        r#"<Data Name="sc-status">200</Data>"#,
    );
    assert!(detail(&text).contains("no `date`"));
}
