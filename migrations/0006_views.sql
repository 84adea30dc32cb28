-- What analysts read first.
CREATE VIEW IF NOT EXISTS events_recent AS
SELECT replaceOne(toString(client_address), '::ffff:', '') AS client, *
FROM events
WHERE time >= now() - INTERVAL 1 DAY
ORDER BY time DESC;

CREATE VIEW IF NOT EXISTS alerts_latest AS
SELECT
    alert.*,
    if(act.action = '', 'open', act.action) AS state,
    act.actor AS state_by,
    act.time AS state_since
FROM (SELECT * FROM alerts FINAL WHERE shadow = 0) AS alert
LEFT JOIN
(
    SELECT
        alert_id,
        argMax(
            multiIf(
                alert_actions.action = 'acknowledge', 'acknowledged',
                alert_actions.action = 'close', 'closed',
                alert_actions.action = 'reopen', 'open',
                'false_positive'),
            alert_actions.time) AS action,
        argMax(alert_actions.actor, alert_actions.time) AS actor,
        max(alert_actions.time) AS time
    FROM alert_actions
    WHERE alert_actions.action != 'comment'
    GROUP BY alert_id
) AS act ON act.alert_id = alert.id;

CREATE VIEW IF NOT EXISTS alerts_shadow AS
SELECT * FROM alerts FINAL WHERE shadow = 1;

CREATE VIEW IF NOT EXISTS traffic_by_minute AS
SELECT
    minute,
    integration,
    operation,
    client_id,
    status_class,
    sum(traffic_minute.requests) AS requests,
    sum(traffic_minute.errors) AS errors,
    sum(traffic_minute.request_bytes) AS request_bytes,
    sum(traffic_minute.response_bytes) AS response_bytes,
    quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(duration) AS duration_us
FROM traffic_minute
GROUP BY minute, integration, operation, client_id, status_class;

CREATE VIEW IF NOT EXISTS traffic_by_hour AS
SELECT
    hour,
    integration,
    operation,
    client_id,
    status_class,
    sum(traffic_hour.requests) AS requests,
    sum(traffic_hour.errors) AS errors,
    sum(traffic_hour.request_bytes) AS request_bytes,
    sum(traffic_hour.response_bytes) AS response_bytes,
    quantilesBFloat16IfMerge(0.5, 0.95, 0.99)(duration) AS duration_us
FROM traffic_hour
GROUP BY hour, integration, operation, client_id, status_class;
