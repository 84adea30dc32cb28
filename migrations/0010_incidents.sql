-- Incidents with personal data. Each row is a step in the life of one; rows are only ever added, and never dropped by age.
CREATE TABLE IF NOT EXISTS incident_steps
(
    incident   UUID                          COMMENT 'The incident: one an alert',
    time       DateTime64(6, 'UTC')          COMMENT 'When the step was done',
    actor      LowCardinality(String)        COMMENT 'Who did it',
    step       LowCardinality(String)        COMMENT 'declared, said, notified or closed',
    about      LowCardinality(String)        COMMENT 'cause, harm, measure, culprit or note for what was said; the duty for a notice: 152-fz-24h, 152-fz-72h, gdpr-72h',
    text       String                        COMMENT 'Title of the alert, what was said, number of the notice, or the result',
    alert      Nullable(UUID)                COMMENT 'The alert that was declared',
    detected   Nullable(DateTime64(6, 'UTC')) COMMENT 'When it was detected: the clocks of 24 and 72 hours run from here',
    categories Array(String)                 COMMENT 'Categories of personal data, as declared',
    detail     String                        COMMENT 'The whole step as JSON' CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY (incident, time)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Steps of incidents with personal data: declared, what became known, who was told, closed';

-- When each alert was stored first, for a later revision takes the place of an earlier one.
CREATE TABLE IF NOT EXISTS alert_detections
(
    alert    UUID                                           COMMENT 'The alert',
    detected SimpleAggregateFunction(min, DateTime('UTC'))  COMMENT 'When its first revision was stored'
)
ENGINE = AggregatingMergeTree
ORDER BY alert
TTL detected + toIntervalDay({alerts_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'When each alert was raised, by the clock of the store';

CREATE MATERIALIZED VIEW IF NOT EXISTS alert_detections_mv TO alert_detections AS
SELECT id AS alert, min(stored) AS detected
FROM alerts
GROUP BY id;

-- Alerts that were there before. The least of all times counts, so this may be done again.
INSERT INTO alert_detections SELECT id, min(stored) FROM alerts GROUP BY id;

CREATE VIEW IF NOT EXISTS incidents AS
SELECT
    incident,
    argMinIf(text, time, step = 'declared') AS title,
    argMinIf(alert, time, step = 'declared') AS alert,
    minIf(detected, step = 'declared') AS detected,
    minIf(time, step = 'declared') AS declared,
    argMinIf(actor, time, step = 'declared') AS declared_by,
    detected + INTERVAL 24 HOUR AS due_152fz_24h,
    detected + INTERVAL 72 HOUR AS due_152fz_72h,
    detected + INTERVAL 72 HOUR AS due_gdpr_72h,
    groupUniqArrayIf(about, step = 'notified') AS notified,
    countIf(step = 'closed') > 0 AS closed
FROM incident_steps
GROUP BY incident
HAVING declared > toDateTime64('1970-01-01 00:00:00', 6, 'UTC');
