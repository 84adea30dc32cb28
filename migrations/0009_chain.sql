-- The hash chain over what is stored: each link says what a stretch of rows was, is bound to the link before it, and is signed
-- with a key that the server does not have. Only ever added to, and never dropped by age.
CREATE TABLE IF NOT EXISTS chain
(
    number    UInt64                 COMMENT 'Number of the link, from 1, without gaps',
    made      DateTime64(6, 'UTC')   COMMENT 'When it was made',
    content   String                 COMMENT 'What it says, as JSON: hash of the link before, table, stretch of rows, columns, rows and digest of each day' CODEC(ZSTD(3)),
    hash      String                 COMMENT 'SHA-256 of the content in hexadecimal',
    signature String                 COMMENT 'HMAC-SHA-256 of the hash in hexadecimal',
    key_id    LowCardinality(String) COMMENT 'Which key signed it'
)
ENGINE = MergeTree
ORDER BY number
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Hash chain over events, dead letters, audit and actions; gatewatch verify holds the tables against it';
