-- The same view, of which each column is made by itself: a list that is put in order by levels reads no titles for that.
CREATE OR REPLACE VIEW linked_incidents
(
    incident     UUID                          COMMENT 'The incident: id of its first alert',
    level        Enum8('informational' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'How bad the worst of its alerts is; of those that nobody has closed, where there are any',
    title        String                        COMMENT 'Title of that alert',
    rule         UUID                          COMMENT 'Its rule',
    alerts       UInt64                        COMMENT 'Alerts',
    open         UInt64                        COMMENT 'Those that nobody has closed',
    families     Array(LowCardinality(String)) COMMENT 'Rule families',
    entities     Array(String)                 COMMENT 'What the alerts are about, such as client:portal; ten at most',
    integrations Array(LowCardinality(String)) COMMENT 'Integrations that they touch',
    first        DateTime64(6, 'UTC')          COMMENT 'First event',
    last         DateTime64(6, 'UTC')          COMMENT 'Newest event'
)
COMMENT 'Incidents: alerts that belong together, since one is about a caller that another shows within a day; two alerts at least'
AS SELECT
    link.incident AS incident,
    if(open > 0, maxIf(alert.level, is_open), max(alert.level)) AS level,
    argMax(alert.title, (is_open, alert.level, alert.last)) AS title,
    argMax(alert.rule, (is_open, alert.level, alert.last)) AS rule,
    count() AS alerts,
    countIf(NOT startsWith(alert.state, 'closed') AS is_open) AS open,
    arraySort(groupUniqArray(alert.family)) AS families,
    arraySort(groupUniqArray(10)(concat(alert.entity_kind, ':', alert.entity))) AS entities,
    arraySort(groupUniqArrayArray(alert.integrations)) AS integrations,
    min(alert.first) AS first,
    max(alert.last) AS last
FROM
(
    SELECT * FROM alerts_latest WHERE id IN (SELECT alert_links.alert FROM alert_links)
) AS alert
INNER JOIN
(
    SELECT alert_links.alert AS alert, argMax(alert_links.incident, alert_links.time) AS incident
    FROM alert_links
    GROUP BY alert
) AS link ON link.alert = alert.id
GROUP BY incident
HAVING alerts > 1;
