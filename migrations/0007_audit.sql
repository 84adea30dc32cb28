-- What changed in what gatewatch looks for: rules, exceptions, silences. Only ever added to, and never dropped by age.
CREATE TABLE IF NOT EXISTS audit
(
    time        DateTime64(6, 'UTC')   COMMENT 'When gatewatch saw the change',
    actor       LowCardinality(String) COMMENT 'Who made it, as far as is known: the owner of an exception, else `files`',
    action      LowCardinality(String) COMMENT 'added, changed, removed or expired',
    object_kind LowCardinality(String) COMMENT 'rule, correlation, exception or silence',
    object      String                 COMMENT 'Its id',
    title       String                 COMMENT 'One line for people',
    detail      String                 COMMENT 'What it says now, as JSON: owner, reason, expires, level, shadow, file, content' CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY (object_kind, object, time)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Changes of rules, exceptions and silences';
