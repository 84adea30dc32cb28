-- Records out of a partner's own log stand beside those of the gateways, and count in no traffic.
ALTER TABLE events ADD COLUMN IF NOT EXISTS observer LowCardinality(String) CODEC(ZSTD(1)) AFTER sequence;

ALTER TABLE events_to_traffic_minute MODIFY QUERY
SELECT
    toStartOfMinute(toDateTime(time, 'UTC')) AS minute,
    integration,
    operation,
    client_id,
    toUInt8(intDiv(status, 100)) AS status_class,
    count() AS requests,
    countIf(status >= 500 OR error != '') AS errors,
    sum(events.request_bytes) AS request_bytes,
    sum(events.response_bytes) AS response_bytes,
    quantilesBFloat16StateIf(0.5, 0.95, 0.99)(duration_us, duration_us > 0) AS duration
FROM events
WHERE observer = ''
GROUP BY minute, integration, operation, client_id, status_class;
