-- Alerts as the detector raises them; a later revision replaces an earlier one. Not partitioned: the first event of an alert
-- can still move, and revisions only replace one another within a partition.
CREATE TABLE IF NOT EXISTS alerts
(
    id          UUID                          COMMENT 'Stable id of the alert: rule family, entity and bucket of the first finding',
    revision    UInt64                        COMMENT 'Grows with every finding merged',
    rule        UUID                          COMMENT 'The rule whose words the alert carries',
    rules       Array(UUID)                   COMMENT 'All rules whose findings were merged, in order of first firing',
    title       String                        COMMENT 'One line of what happened',
    family      LowCardinality(String)        COMMENT 'Rule family; findings of one family and entity merge',
    level       Enum8('informational' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'How bad it is',
    shadow      UInt8                         COMMENT '1 when its rules are on trial: nobody was told',
    tags        Array(LowCardinality(String)) COMMENT 'Sigma tags: attack.*, owasp.api*, requirement.*',
    entity_kind LowCardinality(String)        COMMENT 'What the alert is about: client, subject, address, token, resource, operation, integration, gateway, or a part of gatewatch itself',
    entity      String                        COMMENT 'Which one; personal ids are pseudonyms',
    first       DateTime64(6, 'UTC')          COMMENT 'First event',
    last        DateTime64(6, 'UTC')          COMMENT 'Newest event',
    count       UInt64                        COMMENT 'Events behind it',
    findings    UInt64                        COMMENT 'Findings merged',
    reason      LowCardinality(String)        COMMENT 'Why it was raised: pattern, correlation, baseline or service (about gatewatch itself)',
    json        String         COMMENT 'The whole alert with its evidence' CODEC(ZSTD(3)),
    stored      DateTime('UTC') DEFAULT now('UTC') COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY id
TTL toDateTime(last) + toIntervalDay({alerts_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Alerts; the newest revision counts (alerts_latest)';

CREATE TABLE IF NOT EXISTS alert_actions
(
    alert_id UUID                   COMMENT 'The alert',
    time     DateTime64(6, 'UTC')   COMMENT 'When it was done',
    actor    LowCardinality(String) COMMENT 'Who did it',
    action   Enum8('acknowledge' = 1, 'close' = 2, 'false_positive' = 3, 'reopen' = 4, 'comment' = 5) COMMENT 'What was done',
    comment  String                 COMMENT 'What was said of it'
)
ENGINE = MergeTree
ORDER BY (alert_id, time)
TTL toDateTime(time) + toIntervalDay({alerts_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'What people did to alerts; only ever added to, the detector never writes it';
