-- What one administrator proposes for an account and another confirms, so that nobody alone gets into an account that administers or looks persons up.
CREATE TABLE IF NOT EXISTS account_proposals
(
    id       String                 COMMENT 'Random',
    revision UInt64                 COMMENT '1 when it was proposed, 2 when it was settled',
    account  String                 COMMENT 'Name of the account',
    change   LowCardinality(String) COMMENT 'add, role, reset (of the password) or second_factor (taken away)',
    role     LowCardinality(String) COMMENT 'Role that the account has after it',
    before   UInt64                 COMMENT 'Revision of the account that it is built on; 0 where there was none',
    half     String                 COMMENT 'First half of the new password, sealed by console.key; empty where there is none, and once it was settled',
    proposer String                 COMMENT 'Who proposed it',
    proposed DateTime64(6, 'UTC')   COMMENT 'When; it is good for a day',
    state    LowCardinality(String) COMMENT 'open, approved or rejected',
    settler  String                 COMMENT 'Who settled it',
    mark     String                 COMMENT 'Random: tells apart two who settle it at once'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY id
TTL toDateTime(proposed) + toIntervalDay(30)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Changes of accounts that need two administrators';
