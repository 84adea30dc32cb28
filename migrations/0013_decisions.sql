-- Decisions to block something, for those who enforce them. Each row is a step in the life of one; rows are only ever added.
CREATE TABLE IF NOT EXISTS decision_steps
(
    decision UUID                          COMMENT 'The decision: one an alert, or one a person made',
    time     DateTime64(6, 'UTC')          COMMENT 'When the step was done',
    actor    LowCardinality(String)        COMMENT 'Who did it',
    step     LowCardinality(String)        COMMENT 'proposed, approved, rejected or revoked',
    scope    LowCardinality(String)        COMMENT 'What is blocked: ip, range, client, subject or token; of proposed',
    value    String                        COMMENT 'Which one; ids of people are pseudonyms; of proposed',
    until    Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ends; of proposed',
    alert    Nullable(UUID)                COMMENT 'The alert that proposed it',
    family   LowCardinality(String)        COMMENT 'Rule family of the alert, or manual',
    reason   String                        COMMENT 'Why'
)
ENGINE = MergeTree
ORDER BY (decision, time)
TTL toDateTime(time) + toIntervalDay({alerts_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Steps of decisions to block: proposed, approved, rejected, revoked';

CREATE OR REPLACE VIEW decisions AS
SELECT
    decision,
    argMinIf(scope, time, step = 'proposed') AS scope,
    argMinIf(value, time, step = 'proposed') AS value,
    argMinIf(until, time, step = 'proposed') AS until,
    argMinIf(alert, time, step = 'proposed') AS alert,
    argMinIf(family, time, step = 'proposed') AS family,
    argMinIf(reason, time, step = 'proposed') AS reason,
    minIf(time, step = 'proposed') AS proposed,
    argMax(step, (time, step != 'proposed')) AS last_step,
    argMax(actor, (time, step != 'proposed')) AS last_actor,
    max(time) AS last_time
FROM decision_steps
GROUP BY decision;
