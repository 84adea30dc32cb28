//! The inventory of metrics: every name, its kind, unit and meaning in one place.
//!
//! Labels are bounded: partitions, reasons from closed lists, rule ids. Never a value out of a record.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

macro_rules! inventory {
    ($($kind:ident $constant:ident = $name:literal, $unit:ident, $doc:literal;)+) => {
        $(#[doc = $doc] pub const $constant: &str = $name;)+

        /// Name, kind, unit and meaning of every metric, for `# HELP` and the reference.
        pub const ALL: &[(&str, &str, &str)] = &[$(($name, stringify!($kind), $doc)),+];

        /// Tells the recorder what each metric means.
        pub fn describe() {
            $(inventory!(@$kind $name, $unit, $doc);)+
        }
    };
    (@counter $name:literal, $unit:ident, $doc:literal) => { describe_counter!($name, Unit::$unit, $doc) };
    (@gauge $name:literal, $unit:ident, $doc:literal) => { describe_gauge!($name, Unit::$unit, $doc) };
    (@histogram $name:literal, $unit:ident, $doc:literal) => { describe_histogram!($name, Unit::$unit, $doc) };
}

inventory! {
    counter RECORDS_READ = "gatewatch_records_read_total", Count, "Records read from the source, by partition";
    counter BYTES_READ = "gatewatch_bytes_read_total", Bytes, "Bytes of records read from the source";
    counter EVENTS_STORED = "gatewatch_events_stored_total", Count, "Events acknowledged by ClickHouse";
    counter DEAD_LETTERS = "gatewatch_dead_letters_total", Count, "Records that became dead letters, by reason";
    counter MATCHES = "gatewatch_rule_matches_total", Count, "Events that a rule matched, by rule";
    counter RULE_SAMPLES = "gatewatch_rule_samples_total", Count, "Events on which a rule's condition was timed alone, by rule";
    counter RULE_NANOSECONDS = "gatewatch_rule_sample_nanoseconds_total", Count, "Nanoseconds that these took, by rule";
    counter WITHHELD = "gatewatch_exception_withheld_total", Count, "Matches that an exception or a silence held back, by exception";
    counter RELOADS = "gatewatch_rule_reloads_total", Count, "Changed rule files taken up or refused, by outcome: ok or refused";
    counter FINDINGS = "gatewatch_findings_total", Count, "Findings made, also those merged into alerts";
    counter ALERTS_PUBLISHED = "gatewatch_alerts_published_total", Count, "Alert revisions published";
    counter LATE_EVENTS = "gatewatch_late_events_total", Count, "Events too late for their window";
    counter EVICTIONS = "gatewatch_evictions_total", Count, "Entries that a bound pushed out, by kind";
    counter OFFSETS_LOST = "gatewatch_offsets_lost_total", Count, "Offsets that Kafka no longer had";
    counter BLOCKS = "gatewatch_blocks_total", Count, "Blocks delivered, by outcome: new or repair";
    counter RETRIES = "gatewatch_retries_total", Count, "Attempts that failed and were repeated, by part";
    counter LINKS = "gatewatch_alert_links_total", Count, "Alerts put into an incident with others, or into another one";
    counter MAILS = "gatewatch_mails_total", Count, "Mails, by outcome";
    counter PAUSES = "gatewatch_pauses_total", Count, "Times that partitions were paused by back-pressure";
    gauge LAG = "gatewatch_lag_records", Count, "Records of a partition that are not stored yet, by partition";
    gauge BUFFERED = "gatewatch_buffered_bytes", Bytes, "Bytes of records and blocks in memory";
    gauge ACTIVE = "gatewatch_active", Count, "1 when this instance is the active one";
    gauge READY = "gatewatch_ready", Count, "1 when every part is reachable";
    gauge RULES = "gatewatch_rules", Count, "Rules in force, by kind: rule, correlation, exception or silence";
    gauge RULES_REFUSED = "gatewatch_rules_refused", Count, "1 while the rule files are wrong and an earlier set stays in force";
    gauge WATERMARK = "gatewatch_watermark_seconds", Seconds, "Event time up to which windows are closed";
    gauge WAITING = "gatewatch_waiting_matches", Count, "Matches that wait for the watermark to pass their turn";
    gauge PARTITIONS = "gatewatch_partitions", Count, "Partitions held";
    gauge ENTITIES = "gatewatch_entities", Count, "Entities that detectors keep in memory, by detector";
    counter BOUNCER_REQUESTS = "gatewatch_bouncer_requests_total", Count, "Requests of those who read decisions, by outcome";
    counter WEBHOOKS = "gatewatch_webhook_messages_total", Count, "Messages of the webhook, by outcome: sent, refused, given up or retried";
    counter SIGN_INS = "gatewatch_console_sign_ins_total", Count, "Tries to sign in to the console, by outcome: ok, refused or delayed";
    gauge DECISIONS = "gatewatch_decisions", Count, "Decisions to block, by state: published, held back by the allow-list or the limit, waiting for a person";
    gauge LEARNING = "gatewatch_learning", Count, "Integrations and the like whose behaviour is still being learned: nothing is told of them in their first day";
    gauge LEARNING_UNTIL = "gatewatch_learning_until_seconds", Seconds, "Event time from which on something is told of each of these; 0 where none is being learned";
    gauge CALIBRATION = "gatewatch_calibration_ratio", Count, "How many times as many rows of behaviour are as odd as one in a hundred should be";
    histogram BLOCK_ROWS = "gatewatch_block_rows", Count, "Rows of a block";
    histogram INSERT_SECONDS = "gatewatch_insert_seconds", Seconds, "Time of one INSERT";
    histogram BLOCK_SECONDS = "gatewatch_block_seconds", Seconds, "Time from the first record of a block to its end";
    histogram SNAPSHOT_SECONDS = "gatewatch_snapshot_seconds", Seconds, "Time of one round of snapshots";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_carry_the_prefix() {
        let names: BTreeSet<_> = ALL.iter().map(|(name, ..)| *name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|name| name.starts_with("gatewatch_")));
    }
}
