//! Formats that are lines of columns: NGINX `main`, Apache `vhost_combined`, Traefik's and Envoy's text, HAProxy, AWS ALB, IIS.

use std::net::IpAddr;

use super::{
    envoy_flags, host, is_timeout, is_tls, millis, peer, port, protocol, retries, rfc3339,
    rfc3339_micros, scheme, seconds, target, user,
};
use crate::event::{Event, Timestamp};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// What stands where there is no value.
const NONE: &str = "-";

/// The target group of an AWS load balancer; a record names none.
const TARGET_GROUP: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/api/73e2d6bc24d8a067";

/// NGINX `main`: `combined` with `$http_x_forwarded_for` behind. Source: the `nginx.conf` that NGINX comes with.
pub(super) fn nginx_combined(event: &Event<'_>) -> String {
    let forwarded = nginx_escaped(logged(event.forwarded_for.as_deref()));
    format!("{} \"{forwarded}\"", combined(event, nginx_escaped))
}

/// Apache `vhost_combined`, and `combined` where no name can stand in front. Source: Apache, `mod_log_config`.
pub(super) fn apache(event: &Event<'_>) -> String {
    let line = combined(event, apache_escaped);
    // An address in front would be read as that of the client.
    match host(event).filter(|name| !is_address(name)) {
        Some(name) if event.client_address.is_some() => format!("{name}:{} {line}", port(event)),
        _ => line,
    }
}

/// Traefik's columns behind a combined line. Traefik escapes nothing; escaped here as Apache does.
pub(super) fn traefik(event: &Event<'_>) -> String {
    let count = event.sequence.unwrap_or(0);
    let server = match &event.upstream_address {
        Some(address) => format!("http://{}", word(address)),
        None => NONE.to_owned(),
    };
    let elapsed = millis(event.duration_us).unwrap_or(0);
    format!(
        "{} {count} \"api@docker\" \"{server}\" {elapsed}ms",
        combined(event, apache_escaped)
    )
}

/// Envoy's default format. It has no column for the peer, so that is what was forwarded unless something else was sent. Envoy escapes
/// nothing, and its format knows no escape: quotes, backslashes and control characters are percent-encoded, as in a URL.
pub(super) fn envoy(event: &Event<'_>) -> String {
    let quoted = |value: Option<&str>| percent_escaped(logged(value));
    let peer = event.client_address.map(|address| address.to_string());
    format!(
        "[{}] \"{}\" {} {} {} {} {} {} \"{}\" \"{}\" \"{}\" \"{}\" \"{}\"",
        rfc3339(event.time),
        quoted(Some(&request_line(event))),
        // Envoy writes 0 where there was no answer.
        event.status.unwrap_or(0),
        envoy_flags(event),
        event.request_bytes.unwrap_or(0),
        event.response_bytes.unwrap_or(0),
        or_none(millis(event.duration_us)),
        or_none(millis(event.upstream_duration_us)),
        quoted(event.forwarded_for.as_deref().or(peer.as_deref())),
        quoted(event.user_agent.as_deref()),
        quoted(event.request_id.as_deref()),
        quoted(event.host.as_deref()),
        quoted(event.upstream_address.as_deref()),
    )
}

/// HAProxy `option httpslog`, and `option httplog` for a plain connection.
pub(super) fn haproxy(event: &Event<'_>) -> String {
    let unmeasured = |micros| millis(micros).map_or("-1".to_owned(), |millis| millis.to_string());
    let peer = peer(event).map_or("unix:1".to_owned(), |peer| {
        format!("{}:{}", peer.ip(), peer.port())
    });
    format!(
        "{peer} [{}.{}] {} api/{} 0/0/0/{}/{} {} {} - - {} 1/1/1/1/{} 0/0 \"{}\"{}",
        clf(event.time),
        &rfc3339(event.time)[20..23],
        if is_tls(event) { "web~" } else { "web" },
        event
            .upstream_address
            .as_deref()
            .map_or("<NOSRV>".to_owned(), word),
        unmeasured(event.upstream_duration_us),
        unmeasured(event.duration_us),
        event
            .status
            .map_or("-1".to_owned(), |status| status.to_string()),
        event.response_bytes.unwrap_or(0),
        termination(event),
        retries(event),
        haproxy_escaped(request_line(event).trim_end()),
        haproxy_tls(event),
    )
}

/// An AWS Application Load Balancer. When nothing is known of the target's share, all of the time is the target's.
pub(super) fn aws_alb(event: &Event<'_>) -> String {
    let quoted = |value: Option<&str>| nginx_escaped(logged(value));
    let status = or_none(event.status);
    let server = column(event.upstream_address.as_deref());
    let answered = event
        .time
        .plus_micros(i64::try_from(event.duration_us.unwrap_or(0)).unwrap_or(0));
    let actions = match event.waf_verdict.as_deref() {
        Some("block") => "waf",
        Some("pass") => "waf,forward",
        _ => "forward",
    };
    format!(
        "{} {} {} {} {server} {} {status} {status} {} {} \"{}\" \"{}\" {} {} {TARGET_GROUP} \"{}\" \"{}\" \"-\" 0 {} \"{actions}\" \
         \"-\" \"-\" \"{server}\" \"{status}\" \"-\" \"-\"",
        scheme(event),
        rfc3339_micros(answered),
        column(event.gateway.as_deref()),
        peer(event).map_or(NONE.to_owned(), |peer| peer.to_string()),
        aws_durations(event),
        or_none(event.request_bytes),
        or_none(event.response_bytes),
        nginx_escaped(&aws_request(event)),
        quoted(event.user_agent.as_deref()),
        column(event.tls_cipher.as_deref()),
        column(event.tls_version.as_deref()),
        quoted(event.request_id.as_deref()),
        quoted(event.host.as_deref()),
        rfc3339_micros(event.time),
    )
}

/// IIS with the columns that it writes unless told otherwise, those of `decode.iis_fields`.
pub(super) fn iis(event: &Event<'_>) -> String {
    let time = rfc3339(event.time);
    let value = |value: Option<&str>| iis_escaped(logged(value));
    // An error of the connection, as far as IIS tells: the network name is no longer available.
    let windows_error = if event.error.is_some() { 64 } else { 0 };
    format!(
        "{} {} 10.0.0.2 {} {} {} {} {} {} {} {} {} 0 {windows_error} {}",
        &time[..10],
        &time[11..19],
        value(event.method.as_deref()),
        value(event.path.as_deref().or(event.uri.as_deref())),
        value(event.query.as_deref()),
        port(event),
        value(user(event)),
        or_none(event.client_address),
        value(event.user_agent.as_deref()),
        value(event.referer.as_deref()),
        or_none(event.status),
        or_none(millis(event.duration_us)),
    )
}

/// `address - user [time] "request" status bytes "referer" "agent"`.
fn combined(event: &Event<'_>, escaped: fn(&str) -> String) -> String {
    let value = |value: Option<&str>| escaped(logged(value));
    format!(
        "{} - {} [{} +0000] \"{}\" {} {} \"{}\" \"{}\"",
        or_none(event.client_address),
        value(user(event)),
        clf(event.time),
        value(Some(&request_line(event))),
        event
            .status
            .map_or(NONE.to_owned(), |status| format!("{status:03}")),
        or_none(event.response_bytes),
        value(event.referer.as_deref()),
        value(event.user_agent.as_deref()),
    )
}

/// `GET /a?b HTTP/1.1`; without a method what was logged of the target, as of bytes that are no request.
fn request_line(event: &Event<'_>) -> String {
    match &event.method {
        Some(method) => format!("{method} {} {}", target(event), protocol(event)),
        None => target(event),
    }
}

/// How a session ended: `sH` and `SH` say that the server timed out or broke off before its answer. Source: HAProxy, section 8.5.
fn termination(event: &Event<'_>) -> &'static str {
    match event.error {
        None => "----",
        Some(_) if is_timeout(event) => "sH--",
        Some(_) => "SH--",
    }
}

/// What `httpslog` has behind the request: errors, and server name, version and cipher.
fn haproxy_tls(event: &Event<'_>) -> String {
    if !is_tls(event) {
        return String::new();
    }
    format!(
        " 0/0/0/0/0 {}/{}/{}",
        host(event).unwrap_or(NONE),
        column(event.tls_version.as_deref()),
        column(event.tls_cipher.as_deref())
    )
}

/// `GET https://api.example:443/a?b HTTP/1.1`.
fn aws_request(event: &Event<'_>) -> String {
    let (Some(method), Some(host)) = (&event.method, host(event)) else {
        return request_line(event);
    };
    let target = target(event);
    // Without a slash the target would go on the name.
    let slash = if target.starts_with('/') { "" } else { "/" };
    format!(
        "{method} {}://{host}:{}{slash}{target} {}",
        scheme(event),
        port(event),
        protocol(event)
    )
}

/// Seconds until the request was passed on, until the target answered, and until the answer was passed on.
fn aws_durations(event: &Event<'_>) -> String {
    let Some(whole) = millis(event.duration_us) else {
        return "-1 -1 -1".to_owned();
    };
    let target = millis(event.upstream_duration_us).map_or(whole, |target| target.min(whole));
    format!("0.000 {} {}", seconds(target), seconds(whole - target))
}

/// `01/Mar/2026:10:00:00`.
fn clf(time: Timestamp) -> String {
    let text = rfc3339(time);
    let month = text[5..7].parse::<usize>().unwrap_or(1);
    format!(
        "{}/{}/{}:{}",
        &text[8..10],
        MONTHS[month.saturating_sub(1) % MONTHS.len()],
        &text[..4],
        &text[11..19]
    )
}

fn is_address(name: &str) -> bool {
    name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// A value, or what stands where there is none.
fn logged(value: Option<&str>) -> &str {
    value.filter(|value| !value.is_empty()).unwrap_or(NONE)
}

fn or_none<T: ToString>(value: Option<T>) -> String {
    value.map_or(NONE.to_owned(), |value| value.to_string())
}

/// A value of the gateway's own in a column without quotes.
fn column(value: Option<&str>) -> String {
    word(logged(value))
}

/// One word. What the gateway says of itself has no other characters.
fn word(value: &str) -> String {
    value.replace(
        |c: char| !c.is_ascii_graphic() || matches!(c, '"' | '\\'),
        "_",
    )
}

/// `\x22` for quotes, backslashes and what is not printable ASCII. Source: NGINX, `log_format`, `escape=default`.
fn nginx_escaped(value: &str) -> String {
    let is_plain = |c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    escaped(value, is_plain, |byte| format!("\\x{byte:02X}"))
}

/// `\"`, `\\`, `\n` and the like, `\x01` for what else is not printable ASCII. Source: Apache, `ap_escape_logitem`.
fn apache_escaped(value: &str) -> String {
    let is_plain = |c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    escaped(value, is_plain, |byte| match byte {
        b'"' => "\\\"".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        other => format!("\\x{other:02x}"),
    })
}

/// `#22` for quotes, `#` itself and what is not printable ASCII. Source: HAProxy, section 8.6.
fn haproxy_escaped(request: &str) -> String {
    let request = if request.is_empty() {
        "<BADREQ>"
    } else {
        request
    };
    let is_plain = |c| matches!(c, ' '..='~') && !matches!(c, '"' | '#');
    escaped(request, is_plain, |byte| format!("#{byte:02X}"))
}

/// `+` for spaces; what Windows lets through has no control characters.
fn iis_escaped(value: &str) -> String {
    let is_plain = |c: char| !c.is_control();
    escaped(&value.replace(' ', "+"), is_plain, |byte| {
        format!("%{byte:02X}")
    })
}

fn percent_escaped(value: &str) -> String {
    let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\');
    escaped(value, is_plain, |byte| format!("%{byte:02X}"))
}

/// The value with each byte of a character that is not plain in another form.
fn escaped(value: &str, is_plain: impl Fn(char) -> bool, form: impl Fn(u8) -> String) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if is_plain(character) {
            text.push(character);
        } else {
            let mut bytes = [0; 4];
            text.extend(character.encode_utf8(&mut bytes).bytes().map(&form));
        }
    }
    text
}
