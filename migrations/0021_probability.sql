-- How rare statistics found what they raised, in a column of its own: a list that has the rarest first reads no JSON for that.
ALTER TABLE alerts ADD COLUMN IF NOT EXISTS probability Nullable(Float64)
    DEFAULT if(reason = 'baseline', JSONExtract(json, 'reason', 'probability', 'Nullable(Float64)'), NULL)
    COMMENT 'How probable something at least so extreme is where all is normal; null where no statistics raised it';
-- Of what is stored already it is written in the background, and read off the JSON until then.
ALTER TABLE alerts MATERIALIZE COLUMN probability;

-- The same view with that column; and what is assigned to nobody is in nobody's work.
CREATE OR REPLACE VIEW alerts_latest
(
    id           UUID                          COMMENT 'Stable id of the alert: rule family, entity and bucket of the first finding',
    revision     UInt64                        COMMENT 'Grows with every finding merged',
    rule         UUID                          COMMENT 'The rule whose words the alert carries',
    rules        Array(UUID)                   COMMENT 'All rules whose findings were merged, in order of first firing',
    title        String                        COMMENT 'One line of what happened',
    family       LowCardinality(String)        COMMENT 'Rule family; findings of one family and entity merge',
    level        Enum8('informational' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'How bad it is',
    shadow       UInt8                         COMMENT 'Always 0: what rules on trial raise is in alerts_shadow',
    tags         Array(LowCardinality(String)) COMMENT 'Sigma tags: attack.*, owasp.api*, requirement.*',
    entity_kind  LowCardinality(String)        COMMENT 'What the alert is about: client, subject, address, token, resource, operation, integration, gateway, or a part of gatewatch itself',
    entity       String                        COMMENT 'Which one; personal ids are pseudonyms',
    first        DateTime64(6, 'UTC')          COMMENT 'First event',
    last         DateTime64(6, 'UTC')          COMMENT 'Newest event',
    count        UInt64                        COMMENT 'Events behind it',
    findings     UInt64                        COMMENT 'Findings merged',
    reason       LowCardinality(String)        COMMENT 'Why it was raised: pattern, correlation, baseline, expectation or service (about gatewatch itself)',
    json         String                        COMMENT 'The whole alert with its evidence',
    stored       DateTime('UTC')               COMMENT 'When the revision was stored',
    integrations Array(LowCardinality(String)) COMMENT 'Integrations that it is about or that its sample events were called under',
    callers      Array(String)                 COMMENT 'The caller that it is about and those that its sample events show, such as address:203.0.113.7',
    probability  Nullable(Float64)             COMMENT 'How probable something at least so extreme is where all is normal; null where no statistics raised it',
    state        String                        COMMENT 'new, acknowledged, in_work, reopened, closed_true, closed_false or closed_harmless',
    state_by     String                        COMMENT 'Who did the last thing to it, comments aside; empty when nobody did any',
    state_since  DateTime64(6, 'UTC')          COMMENT 'When that was done',
    assignee     String                        COMMENT 'Who is to work on it; empty when nobody is'
)
COMMENT 'The newest revision of each alert, what state it is in and who works on it'
AS SELECT
    alert.id AS id, alert.revision AS revision, alert.rule AS rule, alert.rules AS rules, alert.title AS title, alert.family AS family, alert.level AS level,
    alert.shadow AS shadow, alert.tags AS tags, alert.entity_kind AS entity_kind, alert.entity AS entity, alert.first AS first, alert.last AS last,
    alert.count AS count, alert.findings AS findings, alert.reason AS reason, alert.json AS json, alert.stored AS stored,
    alert.integrations AS integrations, alert.callers AS callers, alert.probability AS probability,
    multiIf(
        act.action = '', 'new',
        act.action = 'acknowledge', 'acknowledged',
        act.action = 'assign', if(act.assignee = '', 'acknowledged', 'in_work'),
        act.action = 'reopen', 'reopened',
        length(alert.rules) > act.rules OR alert.level > act.level OR alert.count >= greatest(act.count, 1) * 10, 'reopened',
        act.action = 'close', 'closed_true',
        act.action = 'false_positive', 'closed_false',
        'closed_harmless') AS state,
    act.actor AS state_by,
    act.time AS state_since,
    act.assignee AS assignee
FROM (SELECT * FROM alerts FINAL WHERE shadow = 0) AS alert
LEFT JOIN
(
    SELECT
        alert_id,
        toString(argMaxIf(alert_actions.action, alert_actions.time, alert_actions.action != 'comment')) AS action,
        argMaxIf(alert_actions.actor, alert_actions.time, alert_actions.action != 'comment') AS actor,
        maxIf(alert_actions.time, alert_actions.action != 'comment') AS time,
        argMaxIf(alert_actions.assignee, alert_actions.time, alert_actions.action = 'assign') AS assignee,
        argMaxIf(alert_actions.count, alert_actions.time, alert_actions.action != 'comment') AS count,
        argMaxIf(alert_actions.level, alert_actions.time, alert_actions.action != 'comment') AS level,
        argMaxIf(alert_actions.rules, alert_actions.time, alert_actions.action != 'comment') AS rules
    FROM alert_actions
    GROUP BY alert_id
    HAVING countIf(alert_actions.action != 'comment') > 0
) AS act ON act.alert_id = alert.id;
