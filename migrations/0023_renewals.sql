-- A decision is renewed while its alert goes on, and a person says for how long one is approved: the last end that was set counts.
ALTER TABLE decision_steps
    COMMENT COLUMN step 'proposed, approved, renewed (its alert goes on), rejected or revoked',
    COMMENT COLUMN until 'When it ends; of proposed, of renewed, and of approved where a person said for how long',
    COMMENT COLUMN alert 'The alert that proposed it; of proposed';
ALTER TABLE decision_steps MODIFY COMMENT 'Steps of decisions to block: proposed, approved, renewed, rejected, revoked';

CREATE OR REPLACE VIEW decisions
(
    decision   UUID                           COMMENT 'The decision: one an alert, another one when that was opened again, or one a person made',
    scope      LowCardinality(String)         COMMENT 'What is blocked: ip, range, client, subject or token',
    value      String                         COMMENT 'Which one; ids of people are pseudonyms',
    until      Nullable(DateTime64(6, 'UTC')) COMMENT 'When it ends by itself',
    alert      Nullable(UUID)                 COMMENT 'The alert that proposed it, null when a person did',
    family     LowCardinality(String)         COMMENT 'Rule family of the alert, or manual',
    reason     String                         COMMENT 'Why it was proposed',
    proposed   DateTime64(6, 'UTC')           COMMENT 'When it was proposed',
    last_step  String                         COMMENT 'proposed (waits for a person), approved, rejected or revoked',
    last_actor LowCardinality(String)         COMMENT 'Who did the last step, renewals aside',
    last_time  DateTime64(6, 'UTC')           COMMENT 'When that was',
    renewed    UInt64                         COMMENT 'How often it was renewed because its alert went on'
)
COMMENT 'Decisions to block, one row each, with the last step of each'
AS SELECT
    one.decision AS decision,
    argMinIf(one.scope, one.time, one.step = 'proposed') AS scope,
    argMinIf(one.value, one.time, one.step = 'proposed') AS value,
    argMaxIf(one.until, (one.time, one.step != 'proposed'), coalesce(toUnixTimestamp64Micro(one.until), 0) > 0) AS until,
    argMinIf(one.alert, one.time, one.step = 'proposed') AS alert,
    argMinIf(one.family, one.time, one.step = 'proposed') AS family,
    argMinIf(one.reason, one.time, one.step = 'proposed') AS reason,
    minIf(one.time, one.step = 'proposed') AS proposed,
    multiIf(
        countIf(one.step IN ('approved', 'rejected')) = 0, 'proposed',
        argMinIf(one.step, one.time, one.step IN ('approved', 'rejected')) = 'rejected', 'rejected',
        maxIf(one.time, one.step = 'revoked') >= minIf(one.time, one.step = 'approved'), 'revoked',
        'approved') AS last_step,
    argMaxIf(one.actor, (one.time, one.step != 'proposed'), one.step != 'renewed') AS last_actor,
    maxIf(one.time, one.step != 'renewed') AS last_time,
    countIf(one.step = 'renewed') AS renewed
FROM decision_steps AS one
GROUP BY one.decision;
