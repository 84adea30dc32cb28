-- When sessions were used last, so that one that was idle for too long is over in every instance, and after a start.
CREATE TABLE IF NOT EXISTS session_uses
(
    id   String               COMMENT 'SHA-256 of what the browser shows, as in sessions',
    used DateTime64(6, 'UTC') COMMENT 'When something was asked for with it last, to a sixtieth of console.idle_minutes'
)
ENGINE = ReplacingMergeTree(used)
ORDER BY id
TTL toDateTime(used) + toIntervalDay(30)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'When each session of the console was used last';
