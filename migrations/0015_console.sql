-- Who may use the console, and that they have signed in. The newest revision of a name or id counts; no row holds a password, a code or a token as it is.
CREATE TABLE IF NOT EXISTS accounts
(
    name           String                 COMMENT 'What they sign in with',
    revision       UInt64                 COMMENT 'Grows with every change; in microseconds of its time',
    actor          String                 COMMENT 'Who changed it last',
    role           LowCardinality(String) COMMENT 'viewer, analyst, responder, rule_author, data_protection_officer or administrator',
    password       String                 COMMENT 'argon2id hash in PHC form',
    must_change    UInt8                  COMMENT 'Whether the password has to be changed before anything else',
    second_factor  String                 COMMENT 'Secret of the second factor, sealed by console.key; empty where there is none',
    recovery       Array(String)          COMMENT 'SHA-256 of recovery codes that were not used',
    disabled       UInt8                  COMMENT 'Whether nobody gets in with it any more',
    sessions_since DateTime64(6, 'UTC')   COMMENT 'Sessions that began before are over'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY name
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Accounts of the console';

CREATE TABLE IF NOT EXISTS sessions
(
    id       String                 COMMENT 'SHA-256 of what the browser or program shows',
    revision UInt64                 COMMENT 'Grows with every change; in microseconds of its time',
    account  String                 COMMENT 'Name of the account',
    kind     LowCardinality(String) COMMENT 'half (second factor missing), whole, reader or program (tokens)',
    title    String                 COMMENT 'What a token is called',
    started  DateTime64(6, 'UTC')   COMMENT 'When it began',
    until    DateTime64(6, 'UTC')   COMMENT 'When it ends by itself',
    ended    UInt8                  COMMENT 'Whether it was ended before',
    address  String                 COMMENT 'Address from which it began',
    agent    String                 COMMENT 'Program with which it began'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY id
TTL toDateTime(until) + toIntervalDay(30)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Sessions and tokens of the console';

CREATE TABLE IF NOT EXISTS saved_searches
(
    account  String               COMMENT 'Whose it is',
    name     String               COMMENT 'What it is called',
    revision UInt64               COMMENT 'Grows with every change; in microseconds of its time',
    query    String               COMMENT 'The search as the address of the page has it',
    removed  UInt8                COMMENT 'Whether it was taken away'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY (account, name)
SETTINGS storage_policy = '{storage_policy}', non_replicated_deduplication_window = 10000
COMMENT 'Searches that people keep';
