-- What a webhook was told, so that nothing is told twice: each row is one message that is over.
CREATE TABLE IF NOT EXISTS webhook_deliveries
(
    alert    UUID                   COMMENT 'The alert',
    stage    LowCardinality(String) COMMENT 'How much of it was told: its level, and the power of ten of its events',
    time     DateTime64(6, 'UTC')   COMMENT 'When the message was over',
    outcome  LowCardinality(String) COMMENT 'sent, refused or given_up',
    status   UInt16                 COMMENT 'HTTP status of the last answer, 0 without one',
    attempts UInt32                 COMMENT 'How often it was tried'
)
ENGINE = ReplacingMergeTree(time)
ORDER BY (alert, stage)
TTL toDateTime(time) + toIntervalDay({alerts_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Messages of the webhook that are over';
