-- What people do to alerts: more deeds, and what the alert showed when they did it.
ALTER TABLE alert_actions
    MODIFY COLUMN action Enum8('acknowledge' = 1, 'close' = 2, 'false_positive' = 3, 'reopen' = 4, 'comment' = 5, 'assign' = 6, 'harmless' = 7)
        COMMENT 'What was done: close is a true alert that was dealt with';
ALTER TABLE alert_actions ADD COLUMN IF NOT EXISTS assignee LowCardinality(String) COMMENT 'Who is to work on it, of assign';
ALTER TABLE alert_actions ADD COLUMN IF NOT EXISTS count UInt64 COMMENT 'Events behind the alert then';
ALTER TABLE alert_actions ADD COLUMN IF NOT EXISTS level
    Enum8('informational' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'Its level then';
ALTER TABLE alert_actions ADD COLUMN IF NOT EXISTS rules UInt32 COMMENT 'Rules whose findings it merged then';

CREATE OR REPLACE VIEW alerts_latest AS
SELECT
    alert.*,
    multiIf(
        act.action = '', 'new',
        act.action = 'acknowledge', 'acknowledged',
        act.action = 'assign', 'in_work',
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

-- Alerts that statistics raised and a person called false: of the same entity and feature only what is ten times rarer is told.
CREATE OR REPLACE VIEW alert_narrowings AS
SELECT
    id AS alert,
    entity_kind,
    entity,
    family,
    JSONExtractString(json, 'reason', 'metric') AS metric,
    JSONExtractFloat(json, 'reason', 'probability') AS probability,
    state_by AS actor,
    state_since AS time
FROM alerts_latest
WHERE state = 'closed_false' AND reason = 'baseline';
