-- Traffic by minute, filled from each inserted block of events; the views' targets keep windows of tokens of their own, so a
-- block that is sent again is not counted again.
CREATE TABLE IF NOT EXISTS traffic_minute
(
    minute         DateTime('UTC') COMMENT 'Start of the minute of the event' CODEC(Delta(4), ZSTD(1)),
    integration    LowCardinality(String)                COMMENT 'The integration (contract)',
    operation      LowCardinality(String)                COMMENT 'Method and route template',
    client_id      LowCardinality(String)                COMMENT 'The calling client',
    status_class   UInt8                                 COMMENT 'First digit of the HTTP status, 0 when unknown',
    requests       SimpleAggregateFunction(sum, UInt64)  COMMENT 'Requests',
    errors         SimpleAggregateFunction(sum, UInt64)  COMMENT 'Requests answered 5xx or with an error of gateway or upstream',
    request_bytes  SimpleAggregateFunction(sum, UInt64)  COMMENT 'Bytes received',
    response_bytes SimpleAggregateFunction(sum, UInt64)  COMMENT 'Bytes sent',
    duration       AggregateFunction(quantilesBFloat16If(0.5, 0.95, 0.99), UInt64, UInt8) COMMENT 'State of the quantiles of the duration in microseconds, where it is known'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, integration, operation, client_id, status_class)
TTL minute + toIntervalDay({traffic_minute_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Traffic by minute, integration, operation, client and status class (read it by traffic_by_minute)';

CREATE TABLE IF NOT EXISTS traffic_hour
(
    hour           DateTime('UTC') COMMENT 'Start of the hour of the event' CODEC(Delta(4), ZSTD(1)),
    integration    LowCardinality(String)                COMMENT 'The integration (contract)',
    operation      LowCardinality(String)                COMMENT 'Method and route template',
    client_id      LowCardinality(String)                COMMENT 'The calling client',
    status_class   UInt8                                 COMMENT 'First digit of the HTTP status, 0 when unknown',
    requests       SimpleAggregateFunction(sum, UInt64)  COMMENT 'Requests',
    errors         SimpleAggregateFunction(sum, UInt64)  COMMENT 'Requests answered 5xx or with an error of gateway or upstream',
    request_bytes  SimpleAggregateFunction(sum, UInt64)  COMMENT 'Bytes received',
    response_bytes SimpleAggregateFunction(sum, UInt64)  COMMENT 'Bytes sent',
    duration       AggregateFunction(quantilesBFloat16If(0.5, 0.95, 0.99), UInt64, UInt8) COMMENT 'State of the quantiles of the duration in microseconds, where it is known'
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, integration, operation, client_id, status_class)
TTL hour + toIntervalDay({traffic_hour_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Traffic by hour, integration, operation, client and status class (read it by traffic_by_hour)';

CREATE MATERIALIZED VIEW IF NOT EXISTS events_to_traffic_minute TO traffic_minute AS
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
GROUP BY minute, integration, operation, client_id, status_class;

-- From the minutes, which are far fewer than the events.
CREATE MATERIALIZED VIEW IF NOT EXISTS traffic_minute_to_hour TO traffic_hour AS
SELECT
    toStartOfHour(minute) AS hour,
    integration,
    operation,
    client_id,
    status_class,
    sum(traffic_minute.requests) AS requests,
    sum(traffic_minute.errors) AS errors,
    sum(traffic_minute.request_bytes) AS request_bytes,
    sum(traffic_minute.response_bytes) AS response_bytes,
    quantilesBFloat16IfMergeState(0.5, 0.95, 0.99)(traffic_minute.duration) AS duration
FROM traffic_minute
GROUP BY hour, integration, operation, client_id, status_class;
