-- Codes of second factors are good once, whichever instance takes them.
CREATE TABLE IF NOT EXISTS second_factor_codes
(
    account String               COMMENT 'Name of the account',
    step    UInt64               COMMENT 'The thirty seconds since 1970 of the newest code that was taken',
    time    DateTime64(6, 'UTC') COMMENT 'When it was taken'
)
ENGINE = ReplacingMergeTree(step)
ORDER BY account
TTL toDateTime(time) + toIntervalDay(1)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'The newest code of the second factor of each account';
