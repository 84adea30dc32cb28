//! What the server is asked, and that it is never asked for too little.

use std::path::PathBuf;

use super::*;
use crate::store::history::between;

const HOUR: i64 = 3_600_000_000;

fn stretch() -> (Timestamp, Timestamp) {
    let begin = Timestamp::from_seconds(1_790_000_000);
    (begin, begin.plus_micros(HOUR))
}

fn rules(text: String) -> RuleSet {
    RuleSet::from_sources(&[(PathBuf::from("x/t.yml"), text)]).unwrap_or_else(|e| panic!("{e}"))
}

fn condition(detection: &str) -> String {
    let text = format!("title: t\nlogsource: {{category: api_gateway}}\ndetection:\n{detection}\n");
    Condition::of(&rules(text), &[0], &[]).sql(stretch(), stretch())
}

#[test]
fn what_the_server_can_answer_it_answers() {
    for (detection, sql) in [
        (
            "  s: {status|gte: 500}\n  condition: s",
            "(`status` != 0 AND `status` BETWEEN 500 AND 18446744073709551615)",
        ),
        (
            "  s: {client_address|cidr: 192.0.2.0/24}\n  condition: s",
            "(`client_address` != toIPv6('::') AND `client_address` BETWEEN toIPv6('::ffff:192.0.2.0') AND toIPv6('::ffff:192.0.2.255'))",
        ),
        (
            "  s: {method: PUT, client_id|startswith: 'a''b'}\n  condition: s",
            "((`method` != '' AND (lower(`method`) = 'put' OR length(`method`) != lengthUTF8(`method`))) AND \
             (`client_id` != '' AND (startsWith(lower(`client_id`), 'a\\'b') OR length(`client_id`) != lengthUTF8(`client_id`))))",
        ),
        (
            "  s: {fact: tls.old}\n  condition: s",
            "hasAny(facts, ['tls.old'])",
        ),
        (
            "  s: {path|re: '^/a.*b$'}\n  condition: s",
            "(`path` != '' AND (match(`path`, '^/a(?:[\\\\x{0}-\\\\x{9}\\\\x{b}-\\\\x{7f}])*b$') OR length(`path`) != lengthUTF8(`path`)))",
        ),
        (
            "  s: {time|hour|gte: 22}\n  condition: s",
            "toHour(`time`) BETWEEN 22 AND 18446744073709551615",
        ),
        (
            "  s: {token_expires|exists: false}\n  condition: s",
            "NOT toUnixTimestamp64Micro(`token_expires`) != 0",
        ),
        (
            "  s: {subject|fieldref|cased: resource_id}\n  condition: s",
            "(`resource_id` != '' AND (`subject` != '' AND `subject` = `resource_id`))",
        ),
        // Never stored, so no event that is hunted has it.
        ("  s: {cookie|contains: a}\n  condition: s", "0"),
    ] {
        assert_eq!(condition(detection), sql, "{detection}");
    }
}

#[test]
fn what_it_cannot_answer_it_lets_through() {
    // Neither kept out for sure nor let through for sure.
    let decoded = condition("  s: {path_decoded|contains: /etc/}\n  condition: s");
    assert!(
        decoded.contains("position(lower(`path`), '/etc/') > 0"),
        "{decoded}"
    );
    assert!(decoded.contains(" OR match(`path`, "), "{decoded}");
    let not = condition("  s: {path_decoded|contains: /etc/}\n  condition: not s");
    assert!(
        not.starts_with("NOT (") && not.contains("AND NOT match(`path`"),
        "{not}"
    );
    // What RE2 does not know.
    let not = condition(
        r"  s: {path|re: '\<a'}
  t: {status: 200}
  condition: t and not s",
    );
    assert_eq!(not, "(`status` != 0 AND `status` BETWEEN 200 AND 200)");
    // A network of IPv6 holds no address of IPv4, whatever they are stored as.
    let network = condition("  s: {client_address|cidr: '::/0'}\n  condition: s");
    assert!(
        network.contains("AND NOT `client_address` BETWEEN toIPv6('::ffff:0.0.0.0')"),
        "{network}"
    );
}

#[test]
fn a_payload_is_asked_for_where_it_may_come_from() {
    for test in [
        "payload|contains: Union",
        "payload|re: '(?i)union[^=]*'",
        "payload: '*union?'",
    ] {
        let condition = condition(&format!("  s: {{{test}}}\n  condition: s"));
        for source in ["path", "query", "referer"] {
            let sought = format!("multiSearchAny(lower(`{source}`), ['union'])");
            assert!(condition.contains(&sought), "{test}: {condition}");
        }
        assert!(condition.contains("match(`user_agent`, "), "{condition}");
    }
    let any = condition("  s: {payload|re: 'a|b'}\n  condition: s");
    assert_ne!(any, "1");
}

#[test]
fn what_is_longer_than_the_server_parses_is_not_asked() {
    let words: Vec<String> = (0..400).map(|at| format!("word{at}")).collect();
    let many = condition(&format!("  s: [{}]\n  condition: s", words.join(", ")));
    assert_eq!(many, "1");
    let few = condition(&format!("  s: [{}]\n  condition: s", words[..3].join(", ")));
    assert!(
        few.contains("position(lower(`path`), 'word2') > 0"),
        "{few}"
    );
}

#[test]
fn wildcards_become_an_expression_over_the_whole_text() {
    let glob = condition("  s: {path|cased: '/a?b*.c'}\n  condition: s");
    assert_eq!(
        glob,
        "(`path` != '' AND match(`path`, '(?s)^/a.b.*\\\\.c$'))"
    );
}

fn correlation(section: &str) -> String {
    let text = format!(
        "title: t\nname: denied\nlogsource: {{category: api_gateway}}\ndetection: {{s: {{status: 403}}, condition: s}}\n---\n\
         title: c\ncorrelation: {{rules: denied, timespan: 10m, {section}}}\n"
    );
    let hour = stretch();
    let day = (
        hour.0.plus_micros(-12 * HOUR),
        hour.1.plus_micros(12 * HOUR),
    );
    Condition::of(&rules(text), &[], &[0]).sql(hour, day)
}

#[test]
fn of_a_correlation_only_groups_that_reach_its_threshold_are_read() {
    let rows = "((`status` != 0 AND `status` BETWEEN 403 AND 403) AND `client_id` != '' AND `client_address` != toIPv6('::'))";
    let span = "intDiv(toUnixTimestamp64Micro(time), 600000000)";
    let (begin, end) = stretch();
    // Two spans more on both sides, where counting goes on.
    let near = between(begin.plus_micros(-HOUR / 3), end.plus_micros(HOUR / 3));
    assert_eq!(
        correlation("type: event_count, group-by: [client_id, client_address], condition: {gt: 9}"),
        format!(
            "({rows} AND (`client_id`, `client_address`, {span}) GLOBAL IN (SELECT `client_id`, `client_address`, arrayJoin([pair, pair + 1]) FROM \
             (SELECT `client_id`, `client_address`, arrayJoin([{span} - 1, {span}]) AS pair FROM events WHERE {near} AND {rows} \
             GROUP BY `client_id`, `client_address`, pair HAVING count() >= 10)))"
        )
    );
    let values = correlation(
        "type: value_count, group-by: [client_id], condition: {field: subject, gte: 20}",
    );
    assert!(values.contains("AND `subject` != ''"), "{values}");
    assert!(
        values.contains("HAVING uniqExact(`subject`) >= 18)"),
        "{values}"
    );
}

#[test]
fn where_groups_cannot_be_told_all_rows_of_the_rules_are_read() {
    let rows = "(`status` != 0 AND `status` BETWEEN 403 AND 403)";
    for section in [
        // One event is enough; lists are joined; what is decoded is not stored; sums are no counts.
        "type: event_count, group-by: [client_id], condition: {lt: 5}",
        "type: event_count, group-by: [roles], condition: {gte: 5}",
        "type: event_count, group-by: [path_decoded], condition: {gte: 5}",
        "type: value_count, group-by: [client_id], condition: {field: query_decoded, gte: 5}",
        "type: value_sum, group-by: [client_id], condition: {field: response_bytes, gte: 5}",
    ] {
        assert_eq!(correlation(section), rows, "{section}");
    }
}
