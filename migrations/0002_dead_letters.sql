-- Records that could not be decoded. Not partitioned: the time of the insert would be the only candidate, and a block sent
-- again after midnight would then miss its first copy.
CREATE TABLE IF NOT EXISTS dead_letters
(
    topic     LowCardinality(String) COMMENT 'Topic or file of the record',
    partition Int32                  COMMENT 'Partition of the topic, 0 for a file',
    offset    Int64                  COMMENT 'Offset in the partition, for a file the byte where the line begins',
    stamped   DateTime64(6, 'UTC')   COMMENT 'Time stamp of the record in Kafka, 1970-01-01 for a file',
    received  DateTime('UTC') DEFAULT now('UTC') COMMENT 'When the row was stored; retention goes by it',
    reason    LowCardinality(String) COMMENT 'Why it was refused, from a closed list',
    detail    String                 COMMENT 'Where in the record and what was expected there',
    length    UInt64                 COMMENT 'Bytes of the record',
    sealed    String     COMMENT 'The record, perhaps cut, sealed with AES-256-GCM; bound to topic, partition and offset' CODEC(NONE),
    nonce     FixedString(12)        COMMENT 'Nonce of the seal',
    key_id    LowCardinality(String) COMMENT 'Which key sealed it',
    beginning String                 COMMENT 'The beginning of the record with personal shapes replaced, for people'
)
ENGINE = MergeTree
ORDER BY (topic, partition, offset)
TTL received + toIntervalDay({dead_letters_ttl_days})
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Records that could not be decoded, sealed, kept for a short time';
