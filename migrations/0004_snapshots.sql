-- State of the detectors. Each shard has three slots, and the sequence number says which one a snapshot takes: so the last
-- three are kept by the engine itself, without deletions.
CREATE TABLE IF NOT EXISTS snapshots
(
    `group`  LowCardinality(String) COMMENT 'Consumer group that the state belongs to',
    shard    UInt16                 COMMENT 'Shard of the state',
    slot     UInt8                  COMMENT 'Sequence modulo three',
    sequence UInt64                 COMMENT 'Running number of the snapshots of this shard',
    offsets  String                 COMMENT 'JSON: what the state covers, an offset a partition',
    versions String                 COMMENT 'JSON: versions of code and rules that made it',
    data     String  COMMENT 'The state' CODEC(ZSTD(1)),
    created  DateTime64(6, 'UTC') DEFAULT now64(6, 'UTC') COMMENT 'When it was stored'
)
ENGINE = ReplacingMergeTree(sequence)
ORDER BY (`group`, shard, slot)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'State of the detectors, the last three of each shard';
