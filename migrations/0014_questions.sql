-- What the questions of docs/analyst-guide.md have in common, and comments on every view.
--
-- Made anew: the columns of a view are those of its table when it was made, and `observer` came later.
CREATE OR REPLACE VIEW events_recent AS
SELECT replaceOne(toString(client_address), '::ffff:', '') AS client, *
FROM events
WHERE time >= now() - INTERVAL 1 DAY
ORDER BY time DESC;

CREATE OR REPLACE VIEW refusals
(
    time        DateTime64(6, 'UTC')          COMMENT 'When the gateway got the request',
    integration LowCardinality(String)        COMMENT 'The integration (contract) that the call belongs to',
    operation   LowCardinality(String)        COMMENT 'The operation that was asked for',
    client_id   LowCardinality(String)        COMMENT 'The calling client, empty when it did not say',
    address     String                        COMMENT 'Its address as text',
    country     LowCardinality(String)        COMMENT 'Country of the address',
    subject     String                        COMMENT 'Who acts, a keyed pseudonym',
    roles       Array(LowCardinality(String)) COMMENT 'Roles of the subject',
    status      UInt16                        COMMENT 'HTTP status of the answer',
    why         String                        COMMENT 'firewall, limit, token and how it verified, second factor and how it went, role, not signed in, or not allowed',
    facts       Array(LowCardinality(String)) COMMENT 'Names of the facts that were found',
    rules       Array(LowCardinality(String)) COMMENT 'Ids of the rules that matched',
    request_id  String                        COMMENT 'Id of the request'
)
COMMENT 'Calls that the gateway refused, and why'
AS SELECT
    time,
    integration,
    operation,
    client_id,
    replaceOne(toString(client_address), '::ffff:', '') AS address,
    country,
    subject,
    roles,
    status,
    multiIf(
        waf_verdict = 'block', 'firewall',
        status = 429 OR decision = 'limit', 'limit',
        token_outcome NOT IN ('', 'valid'), concat('token ', token_outcome),
        mfa IN ('prompted', 'failed'), concat('second factor ', mfa),
        has(facts, 'role.denied'), 'role',
        status = 401, 'not signed in',
        'not allowed') AS why,
    facts,
    rules,
    request_id
FROM events
WHERE observer = '' AND (status IN (401, 403, 429) OR decision IN ('deny', 'limit') OR waf_verdict = 'block');

CREATE OR REPLACE VIEW alerts_open
(
    alert       UUID                   COMMENT 'The alert',
    level       Enum8('informational' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'How bad it is',
    title       String                 COMMENT 'One line of what happened',
    family      LowCardinality(String) COMMENT 'Rule family',
    entity_kind LowCardinality(String) COMMENT 'What the alert is about',
    entity      String                 COMMENT 'Which one; personal ids are pseudonyms',
    count       UInt64                 COMMENT 'Events behind it',
    first       DateTime64(6, 'UTC')   COMMENT 'First event',
    last        DateTime64(6, 'UTC')   COMMENT 'Newest event',
    detected    DateTime('UTC')        COMMENT 'When its first revision was stored',
    hours_open  Int64                  COMMENT 'Whole hours since then',
    state       String                 COMMENT 'new, acknowledged, in_work or reopened',
    assignee    String                 COMMENT 'Who works on it, empty when nobody does'
)
COMMENT 'Alerts that nobody has closed, and how old they are'
AS SELECT
    latest.id AS alert,
    latest.level AS level,
    latest.title AS title,
    latest.family AS family,
    latest.entity_kind AS entity_kind,
    latest.entity AS entity,
    latest.count AS count,
    latest.first AS first,
    latest.last AS last,
    raised.detected AS detected,
    dateDiff('hour', raised.detected, now('UTC')) AS hours_open,
    latest.state AS state,
    latest.assignee AS assignee
FROM alerts_latest AS latest
LEFT JOIN
(
    SELECT alert_detections.alert AS alert, min(alert_detections.detected) AS detected
    FROM alert_detections
    GROUP BY alert
) AS raised ON raised.alert = latest.id
WHERE latest.state IN ('new', 'acknowledged', 'in_work', 'reopened');

CREATE OR REPLACE VIEW alerts_by_rule
(
    rule        UUID                   COMMENT 'One of the rules whose findings the alert merged',
    title       String                 COMMENT 'Title of the rule',
    alert       UUID                   COMMENT 'The alert',
    level       Enum8('informational' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'How bad the alert is',
    family      LowCardinality(String) COMMENT 'Rule family',
    reason      LowCardinality(String) COMMENT 'pattern, correlation, baseline or service (about gatewatch itself)',
    entity_kind LowCardinality(String) COMMENT 'What the alert is about',
    entity      String                 COMMENT 'Which one; personal ids are pseudonyms',
    last        DateTime64(6, 'UTC')   COMMENT 'Newest event of the alert',
    count       UInt64                 COMMENT 'Events behind the alert',
    state       String                 COMMENT 'new, acknowledged, in_work, reopened, closed_true, closed_false or closed_harmless'
)
COMMENT 'Alerts, one row for each rule that had a part in it'
AS SELECT
    latest.rule AS rule,
    if(named.title != '', named.title, latest.title) AS title,
    latest.id AS alert,
    latest.level AS level,
    latest.family AS family,
    latest.reason AS reason,
    latest.entity_kind AS entity_kind,
    latest.entity AS entity,
    latest.last AS last,
    latest.count AS count,
    latest.state AS state
FROM
(
    SELECT arrayJoin(alerts_latest.rules) AS rule, id, title, level, family, reason, entity_kind, entity, last, count, state
    FROM alerts_latest
) AS latest
LEFT JOIN
(
    SELECT audit.object AS object, argMax(audit.title, audit.time) AS title
    FROM audit
    WHERE audit.object_kind IN ('rule', 'correlation')
    GROUP BY object
) AS named ON named.object = toString(latest.rule);

CREATE OR REPLACE VIEW alerts_by_requirement
(
    requirement String                 COMMENT 'Id of the requirement, such as SEC-01',
    alert       UUID                   COMMENT 'The alert',
    level       Enum8('informational' = 0, 'low' = 1, 'medium' = 2, 'high' = 3, 'critical' = 4) COMMENT 'How bad it is',
    title       String                 COMMENT 'One line of what happened',
    family      LowCardinality(String) COMMENT 'Rule family',
    entity_kind LowCardinality(String) COMMENT 'What the alert is about',
    entity      String                 COMMENT 'Which one; personal ids are pseudonyms',
    first       DateTime64(6, 'UTC')   COMMENT 'First event',
    last        DateTime64(6, 'UTC')   COMMENT 'Newest event',
    count       UInt64                 COMMENT 'Events behind it',
    rules       Array(UUID)            COMMENT 'All rules whose findings were merged',
    state       String                 COMMENT 'new, acknowledged, in_work, reopened, closed_true, closed_false or closed_harmless'
)
COMMENT 'Alerts, one row for each requirement that they touch'
AS SELECT
    upper(substring(tag, 13)) AS requirement,
    latest.id AS alert,
    latest.level AS level,
    latest.title AS title,
    latest.family AS family,
    latest.entity_kind AS entity_kind,
    latest.entity AS entity,
    latest.first AS first,
    latest.last AS last,
    latest.count AS count,
    latest.rules AS rules,
    latest.state AS state
FROM
(
    SELECT arrayJoin(arrayFilter(one -> startsWith(one, 'requirement.'), tags)) AS tag, *
    FROM alerts_latest
) AS latest;

-- By stretches of the gateways' own numbers rather than by time: what comes a second late is not missing then.
CREATE OR REPLACE VIEW journal
(
    gateway  LowCardinality(String) COMMENT 'Name of the gateway instance',
    stretch  UInt64                 COMMENT 'Which thousand of its running numbers',
    day      Date                   COMMENT 'Day of these records',
    begins   DateTime64(6, 'UTC')   COMMENT 'First record of the stretch on that day',
    ends     DateTime64(6, 'UTC')   COMMENT 'Last record of the stretch on that day',
    lowest   UInt64                 COMMENT 'Lowest number',
    highest  UInt64                 COMMENT 'Highest number',
    numbers  UInt64                 COMMENT 'Different numbers that are stored',
    records  UInt64                 COMMENT 'Records that are stored; more than numbers when some came twice or two gateways use one name',
    silent   UInt64                 COMMENT 'Records without an answer'
)
COMMENT 'Running numbers of the gateways by the thousand; numbers that are not there are records that were lost'
AS SELECT
    gateway,
    intDiv(sequence, 1000) AS stretch,
    toDate(time, 'UTC') AS day,
    min(time) AS begins,
    max(time) AS ends,
    min(sequence) AS lowest,
    max(sequence) AS highest,
    uniqExact(sequence) AS numbers,
    count() AS records,
    countIf(status = 0) AS silent
FROM events
WHERE observer = '' AND sequence > 0
GROUP BY gateway, stretch, day;

CREATE OR REPLACE VIEW deeds
(
    time   DateTime64(6, 'UTC') COMMENT 'When it was done',
    actor  String               COMMENT 'Who did it; files for an edit of the rule files',
    about  String               COMMENT 'What it was done to: alert, decision, rule, correlation, exception, silence, incident or subject',
    action String               COMMENT 'What was done',
    object String               COMMENT 'Its id',
    said   String               COMMENT 'Title, reason or comment'
)
COMMENT 'What people did, in one list: to alerts, decisions, rules, exceptions, silences, incidents and subjects'
AS SELECT time, toString(actor) AS actor, toString(object_kind) AS about, toString(action) AS action, object, title AS said
FROM audit
UNION ALL
SELECT
    time,
    toString(actor),
    'alert',
    toString(action),
    toString(alert_id),
    if(assignee = '', comment, concat('to ', assignee, if(comment = '', '', ': '), comment))
FROM alert_actions
UNION ALL
SELECT
    time,
    toString(actor),
    'decision',
    toString(step),
    toString(decision),
    if(step = 'proposed', concat(scope, ' ', value, ': ', reason), reason)
FROM decision_steps;

ALTER TABLE events_recent MODIFY COMMENT 'Exchanges of the last day, newest first';
-- The comments of its other columns follow the inventory, as those of events do.
ALTER TABLE events_recent COMMENT COLUMN client 'Client address as text';

ALTER TABLE alerts_latest MODIFY COMMENT 'The newest revision of each alert, what state it is in and who works on it';
ALTER TABLE alerts_latest
    COMMENT COLUMN id 'Stable id of the alert: rule family, entity and bucket of the first finding',
    COMMENT COLUMN revision 'Grows with every finding merged',
    COMMENT COLUMN rule 'The rule whose words the alert carries',
    COMMENT COLUMN rules 'All rules whose findings were merged, in order of first firing',
    COMMENT COLUMN title 'One line of what happened',
    COMMENT COLUMN family 'Rule family; findings of one family and entity merge',
    COMMENT COLUMN level 'How bad it is',
    COMMENT COLUMN shadow 'Always 0: what rules on trial raise is in alerts_shadow',
    COMMENT COLUMN tags 'Sigma tags: attack.*, owasp.api*, requirement.*',
    COMMENT COLUMN entity_kind 'What the alert is about: client, subject, address, token, resource, operation, integration, gateway, or a part of gatewatch itself',
    COMMENT COLUMN entity 'Which one; personal ids are pseudonyms',
    COMMENT COLUMN first 'First event',
    COMMENT COLUMN last 'Newest event',
    COMMENT COLUMN count 'Events behind it',
    COMMENT COLUMN findings 'Findings merged',
    COMMENT COLUMN reason 'Why it was raised: pattern, correlation, baseline or service (about gatewatch itself)',
    COMMENT COLUMN json 'The whole alert with its evidence',
    COMMENT COLUMN stored 'When the revision was stored',
    COMMENT COLUMN state 'new, acknowledged, in_work, reopened, closed_true, closed_false or closed_harmless',
    COMMENT COLUMN state_by 'Who did the last thing to it, comments aside; empty when nobody did any',
    COMMENT COLUMN state_since 'When that was done',
    COMMENT COLUMN assignee 'Who is to work on it';

ALTER TABLE alerts_shadow MODIFY COMMENT 'What rules on trial would have alerted; nobody was told';
ALTER TABLE alerts_shadow
    COMMENT COLUMN id 'Stable id of the alert: rule family, entity and bucket of the first finding',
    COMMENT COLUMN revision 'Grows with every finding merged',
    COMMENT COLUMN rule 'The rule whose words the alert carries',
    COMMENT COLUMN rules 'All rules whose findings were merged, in order of first firing',
    COMMENT COLUMN title 'One line of what happened',
    COMMENT COLUMN family 'Rule family; findings of one family and entity merge',
    COMMENT COLUMN level 'How bad it is',
    COMMENT COLUMN shadow 'Always 1',
    COMMENT COLUMN tags 'Sigma tags: attack.*, owasp.api*, requirement.*',
    COMMENT COLUMN entity_kind 'What the alert is about: client, subject, address, token, resource, operation, integration or gateway',
    COMMENT COLUMN entity 'Which one; personal ids are pseudonyms',
    COMMENT COLUMN first 'First event',
    COMMENT COLUMN last 'Newest event',
    COMMENT COLUMN count 'Events behind it',
    COMMENT COLUMN findings 'Findings merged',
    COMMENT COLUMN reason 'Why it would be raised: pattern, correlation or baseline',
    COMMENT COLUMN json 'The whole alert with its evidence',
    COMMENT COLUMN stored 'When the revision was stored';

ALTER TABLE alert_narrowings MODIFY COMMENT 'Alerts of statistics that were closed as false: of the same entity and feature only what is ten times rarer is told';
ALTER TABLE alert_narrowings
    COMMENT COLUMN alert 'The alert that was closed as false',
    COMMENT COLUMN entity_kind 'What it was about',
    COMMENT COLUMN entity 'Which one; personal ids are pseudonyms',
    COMMENT COLUMN family 'Rule family: behaviour, rate or series',
    COMMENT COLUMN metric 'The feature that was unusual',
    COMMENT COLUMN probability 'How probable it was; the like is told again when it is ten times less',
    COMMENT COLUMN actor 'Who closed it',
    COMMENT COLUMN time 'When it was closed';

ALTER TABLE decisions MODIFY COMMENT 'Decisions to block, one row each, with the last step of each';
ALTER TABLE decisions
    COMMENT COLUMN decision 'The decision: one an alert, or one a person made',
    COMMENT COLUMN scope 'What is blocked: ip, range, client, subject or token',
    COMMENT COLUMN value 'Which one; ids of people are pseudonyms',
    COMMENT COLUMN until 'When it ends by itself',
    COMMENT COLUMN alert 'The alert that proposed it, null when a person did',
    COMMENT COLUMN family 'Rule family of the alert, or manual',
    COMMENT COLUMN reason 'Why it was proposed',
    COMMENT COLUMN proposed 'When it was proposed',
    COMMENT COLUMN last_step 'proposed (waits for a person), approved, rejected or revoked',
    COMMENT COLUMN last_actor 'Who did the last step',
    COMMENT COLUMN last_time 'When that was';

ALTER TABLE incidents MODIFY COMMENT 'Incidents with personal data, one row each, with the ends of their clocks';
ALTER TABLE incidents
    COMMENT COLUMN incident 'The incident: one an alert',
    COMMENT COLUMN title 'Title of the alert',
    COMMENT COLUMN alert 'The alert that was declared',
    COMMENT COLUMN detected 'When it was detected: the clocks run from here',
    COMMENT COLUMN declared 'When it was declared',
    COMMENT COLUMN declared_by 'Who declared it',
    COMMENT COLUMN due_152fz_24h 'By when Roskomnadzor must be told',
    COMMENT COLUMN due_152fz_72h 'By when it must be told what the inquiry found',
    COMMENT COLUMN due_gdpr_72h 'By when the supervisory authority under the GDPR must be told',
    COMMENT COLUMN notified 'Which of these were told',
    COMMENT COLUMN closed '1 when it is closed';

ALTER TABLE traffic_by_minute MODIFY COMMENT 'Traffic by minute, integration, operation, client and status class';
ALTER TABLE traffic_by_minute
    COMMENT COLUMN minute 'Start of the minute of the event',
    COMMENT COLUMN integration 'The integration (contract)',
    COMMENT COLUMN operation 'Method and route template',
    COMMENT COLUMN client_id 'The calling client',
    COMMENT COLUMN status_class 'First digit of the HTTP status, 0 when unknown',
    COMMENT COLUMN requests 'Requests',
    COMMENT COLUMN errors 'Requests answered 5xx or with an error of gateway or upstream',
    COMMENT COLUMN request_bytes 'Bytes received',
    COMMENT COLUMN response_bytes 'Bytes sent',
    COMMENT COLUMN duration_us 'Median, 95 % and 99 % of the duration in microseconds; an error below 0.4 %';

ALTER TABLE traffic_by_hour MODIFY COMMENT 'Traffic by hour, integration, operation, client and status class';
ALTER TABLE traffic_by_hour
    COMMENT COLUMN hour 'Start of the hour of the event',
    COMMENT COLUMN integration 'The integration (contract)',
    COMMENT COLUMN operation 'Method and route template',
    COMMENT COLUMN client_id 'The calling client',
    COMMENT COLUMN status_class 'First digit of the HTTP status, 0 when unknown',
    COMMENT COLUMN requests 'Requests',
    COMMENT COLUMN errors 'Requests answered 5xx or with an error of gateway or upstream',
    COMMENT COLUMN request_bytes 'Bytes received',
    COMMENT COLUMN response_bytes 'Bytes sent',
    COMMENT COLUMN duration_us 'Median, 95 % and 99 % of the duration in microseconds; an error below 0.4 %';
