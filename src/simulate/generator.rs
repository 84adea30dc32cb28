//! The generator: ordinary traffic and scenarios, merged in the order of time.

use std::collections::VecDeque;

use compact_str::CompactString;

use super::class::CLASSES;
use super::hiccup::{Hiccups, Trouble};
use super::label::Label;
use super::population::Population;
use super::record::Record;
use super::release::Releases;
use super::scenario::{Becomes, Cast, Changes, Frame, Ordinary, Scenario, Step, plan, write};
use super::season::{SLOT_US, Season};
use super::shape::Shapes;
use super::stranger::{write_broken, write_visit};
use super::traffic::{
    Draft, Fate, GATEWAYS, LONGEST_US as LONGEST_EXCHANGE_US, Scratch, compose, draft, gateway_of,
    prepare,
};
use super::{LabelEntity, SimulateError};
use crate::event::Timestamp;
use crate::random::{Random, splitmix, stable_hash};

/// One request in so many is a passer-by's.
const STRANGER_ONE_IN: u32 = 130;
/// Clients of a class that may call again soon.
const LINGERING: usize = 16;
const LINGERING_U32: u32 = 16;
/// Attempts at one request, the first included.
const MOST_ATTEMPTS: u32 = 3;
/// Longest span, in microseconds.
const LONGEST_US: i64 = 400 * 86_400 * 1_000_000;
/// Marks a step as a broken record.
const BROKEN: u32 = u32::MAX;

/// What traffic to make. The same settings give the same bytes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What everything random follows from.
    pub seed: u64,
    /// Event time at which the span begins.
    pub start: Timestamp,
    /// Length of the span in microseconds of event time.
    pub span_us: i64,
    /// So much of the span, from its beginning, is ordinary: scenarios fall into the rest, as if it were the span.
    pub quiet_us: i64,
    /// Records in all, with planted and broken ones and those that a scenario takes away, without what a partner logs besides.
    pub events: u64,
    /// About how many clients there are; `None`: so many that each keeps its ordinary rate (at least 184).
    pub clients: Option<u32>,
    /// Records that no decoder can take.
    pub broken: u32,
    /// What is planted.
    pub scenarios: Vec<Scenario>,
    /// How load departs from its season.
    pub shapes: Shapes,
    /// Days kept like a weekend, in local time, since 1970-01-01.
    pub holidays: Vec<i64>,
    /// Releases in the span, each of which changes something for good: a field, a parameter, a program, how long an operation takes.
    pub releases: u32,
}

/// What is known of a record besides its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Event time; for Kafka also the record timestamp.
    pub time: Timestamp,
    /// Stable hash of the partition key.
    pub key_hash: u64,
    /// Index of the scenario that it belongs to.
    pub scenario: Option<usize>,
}

/// Makes records one by one. Memory depends on the clients and the planted events, not on the length.
#[derive(Debug)]
pub struct Generator {
    settings: Settings,
    population: Population,
    season: Season,
    random: Random,
    scratch: Scratch,
    key: CompactString,
    sequences: [u64; 2],
    slot: usize,
    in_slot: u32,
    /// The part of the slot that has passed.
    passed: f64,
    /// Clients of each class that called just before.
    lingering: Vec<[usize; LINGERING]>,
    hiccups: Hiccups,
    releases: Releases,
    /// Cumulative weights of the classes in this slot.
    classes: Vec<f64>,
    next_ordinary: Option<Timestamp>,
    retries: VecDeque<Retry>,
    steps: Vec<Step>,
    next_step: usize,
    casts: Vec<Cast>,
    changes: Changes,
    /// A record that the partner wrote of the exchange before, and its time.
    mirrored: Option<(Vec<u8>, Meta)>,
    labels: Vec<Label>,
}

/// A failed exchange that will be tried again.
#[derive(Clone, Copy, Debug)]
struct Retry {
    due: Timestamp,
    class: usize,
    client: usize,
    draft: Draft,
}

impl Generator {
    /// Plans the whole span.
    ///
    /// # Errors
    /// When the span is absurd, a scenario does not fit it, or more is planted than asked for.
    #[allow(clippy::cast_precision_loss)] // rates
    pub fn new(settings: Settings) -> Result<Self, SimulateError> {
        if !(1_000_000..=LONGEST_US).contains(&settings.span_us) {
            return Err(SimulateError::Span);
        }
        let (seed, start, span_us) = (settings.seed, settings.start, settings.span_us);
        let quiet_us = settings.quiet_us.clamp(0, span_us);
        let (begin, rest_us) = (start.plus_micros(quiet_us), span_us - quiet_us);
        let per_minute = settings.events as f64 * SLOT_US as f64 / span_us as f64;
        let population = Population::new(seed, per_minute, settings.clients);
        let (mut steps, casts, others) =
            plan(&settings.scenarios, &population, seed, begin, rest_us)?;
        plan_broken(&settings, &mut steps);
        let planted = steps.len() as u64;
        let Some(ordinary) = settings.events.checked_sub(planted) else {
            return Err(SimulateError::TooFewEvents {
                planted,
                events: settings.events,
            });
        };
        let season = Season::new(
            seed,
            start,
            span_us,
            ordinary,
            &population,
            (&settings.shapes, &settings.holidays),
        );
        let hiccups = Hiccups::new(seed, start, span_us);
        let releases = Releases::plan(seed, start, span_us, settings.releases);
        let changes = Changes::plan(&settings.scenarios, seed, begin, rest_us)?;
        let first_sequence = 1 + splitmix(seed) % 1_000_000;
        let mut generator = Generator {
            random: Random::new(seed),
            labels: labels(&settings.scenarios, others),
            settings,
            population,
            season,
            scratch: Scratch::default(),
            key: CompactString::default(),
            sequences: [first_sequence; 2],
            slot: 0,
            in_slot: 0,
            passed: 0.0,
            lingering: Vec::new(),
            hiccups,
            releases,
            classes: Vec::new(),
            next_ordinary: None,
            retries: VecDeque::new(),
            steps,
            next_step: 0,
            casts,
            changes,
            mirrored: None,
        };
        generator.lingering = (0..CLASSES.len())
            .map(|class| generator.linger(class))
            .collect();
        generator.enter_slot();
        generator.roll_ordinary();
        Ok(generator)
    }

    /// Appends the next record to the buffer, without a newline; `None` at the end of the span.
    pub fn next_into(&mut self, buffer: &mut Vec<u8>) -> Option<Meta> {
        if let Some((record, meta)) = self.mirrored.take() {
            buffer.extend_from_slice(&record);
            return Some(meta);
        }
        loop {
            let step = self.steps.get(self.next_step).copied();
            match (self.next_ordinary, step) {
                (Some(ordinary), Some(step)) if step.time <= ordinary => {
                    return Some(self.planted(step, buffer));
                }
                (None, Some(step)) => return Some(self.planted(step, buffer)),
                (Some(ordinary), _) => {
                    let meta = self.ordinary(ordinary, buffer);
                    self.roll_ordinary();
                    if meta.is_some() {
                        return meta;
                    }
                }
                (None, None) => return None,
            }
        }
    }

    /// The partition key of the record made last: its client id, else its client address.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What was planted so far: scenarios with at least one event made, in the order of their files.
    pub fn labels(&self) -> impl Iterator<Item = (usize, &Label)> {
        self.labels
            .iter()
            .enumerate()
            .filter(|(_, label)| label.events > 0)
    }

    /// When the simulator itself makes calls fail, class by class.
    pub fn troubles(&self) -> impl Iterator<Item = Trouble<'static>> {
        self.hiccups.troubles()
    }

    /// How many clients the population has.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.population.len()
    }

    /// How many records there will be in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.settings.events
    }

    fn sequence(&mut self, gateway: usize) -> u64 {
        self.sequences[gateway] += 1;
        self.sequences[gateway]
    }

    fn enter_slot(&mut self) {
        self.in_slot = 0;
        self.passed = 0.0;
        if self.slot >= self.season.slots() {
            return;
        }
        let mut sum = 0.0;
        self.classes = self.season.class_weights(self.slot, &self.population);
        for weight in &mut self.classes {
            sum += *weight;
            *weight = sum;
        }
    }

    /// Sets the time of the next ordinary event: as if those of the slot had come at random, in order.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // parts of a minute
    fn roll_ordinary(&mut self) {
        while self.slot < self.season.slots() && self.in_slot >= self.season.count(self.slot) {
            self.slot += 1;
            self.enter_slot();
        }
        if self.slot >= self.season.slots() {
            self.next_ordinary = None;
            return;
        }
        let begin = self.season.begin(self.slot);
        let end = self.settings.start.plus_micros(self.settings.span_us);
        let width = SLOT_US.min(end.since(begin)) as f64;
        // The least of so many even numbers in what is left of the slot.
        let left = f64::from(self.season.count(self.slot) - self.in_slot);
        let step = 1.0 - self.random.unit().powf(1.0 / left);
        self.passed += (1.0 - self.passed) * step;
        self.in_slot += 1;
        self.next_ordinary = Some(begin.plus_micros((self.passed * width) as i64));
    }

    /// The next ordinary record; `None` when a scenario takes it away.
    fn ordinary(&mut self, done: Timestamp, buffer: &mut Vec<u8>) -> Option<Meta> {
        if self.retries.front().is_some_and(|retry| retry.due <= done) {
            let retry = self.retries.pop_front().expect("the front was just seen");
            return self.again(retry, done, buffer);
        }
        if self.random.one_in(STRANGER_ONE_IN) {
            let gateway = usize::from(self.random.one_in(2));
            return self.visit(gateway, done, buffer);
        }
        let class = self.choose_class();
        let client = self.choose_client(class);
        let failing = self.hiccups.failing(class, done);
        let who = &self.population.of_class(class)[client];
        let draft = draft(who, done, failing, &mut self.random);
        self.emit(class, client, draft, done, buffer)
    }

    fn visit(&mut self, gateway: usize, done: Timestamp, buffer: &mut Vec<u8>) -> Option<Meta> {
        let sequence = self.sequence(gateway);
        let before = buffer.len();
        let (time, address) = write_visit(done, gateway, sequence, &mut self.random, buffer);
        let call = Ordinary {
            time: done,
            gateway: GATEWAYS[gateway],
            integration: None,
            client: None,
            route: None,
            bits: sequence,
        };
        if let Some((scenario, becomes @ (Becomes::Lost | Becomes::Unsent))) =
            self.changes.of(&call)
        {
            self.sequences[gateway] -= u64::from(matches!(becomes, Becomes::Unsent));
            buffer.truncate(before);
            self.labels[scenario].note(time);
            return None;
        }
        self.key = address;
        Some(Meta {
            time,
            key_hash: stable_hash(&self.key),
            scenario: None,
        })
    }

    /// Clients to begin with.
    fn linger(&mut self, class: usize) -> [usize; LINGERING] {
        std::array::from_fn(|_| self.population.one_of(class, &mut self.random))
    }

    /// One who called just before, or another in place of one of those.
    fn choose_client(&mut self, class: usize) -> usize {
        let lingering = &mut self.lingering[class];
        let place = self.random.below(LINGERING_U32) as usize;
        if self.random.below(100) >= CLASSES[class].lingers {
            lingering[place] = self.population.one_of(class, &mut self.random);
        }
        lingering[place]
    }

    fn choose_class(&mut self) -> usize {
        let roll = self.random.unit() * self.classes.last().copied().unwrap_or(0.0);
        let last = self.classes.len() - 1;
        self.classes.partition_point(|sum| *sum <= roll).min(last)
    }

    fn again(&mut self, retry: Retry, done: Timestamp, buffer: &mut Vec<u8>) -> Option<Meta> {
        let mut draft = retry.draft;
        draft.attempt += 1;
        draft.fate = if self.random.one_in(10) {
            Fate::Failed
        } else {
            Fate::Done
        };
        draft.duration_us = draft.operation.typical_us;
        draft.time = done.plus_micros(-i64::from(draft.duration_us));
        self.emit(retry.class, retry.client, draft, done, buffer)
    }

    fn emit(
        &mut self,
        class: usize,
        index: usize,
        mut draft: Draft,
        done: Timestamp,
        buffer: &mut Vec<u8>,
    ) -> Option<Meta> {
        let client = &self.population.of_class(class)[index];
        let gateway = gateway_of(client);
        let released = self.releases.change(class, client, &mut draft);
        let call = Ordinary {
            time: done,
            gateway: GATEWAYS[gateway],
            integration: Some(client.class.integration),
            client: Some(&client.id),
            route: Some(draft.operation.route),
            bits: draft.request_id,
        };
        let change = self.changes.of(&call);
        let mirrored = self.changes.mirrored(&call);
        let becomes = change.map(|(_, becomes)| becomes);
        if let Some((scenario, becomes)) = change {
            change_draft(&mut draft, becomes, done);
            self.labels[scenario].note(draft.time);
            self.sequences[gateway] += u64::from(matches!(becomes, Becomes::Lost));
            if matches!(becomes, Becomes::Lost | Becomes::Unsent) {
                return None;
            }
        }
        let is_past = matches!(becomes, Some(Becomes::Bypassed));
        let is_retried = !matches!(becomes, Some(Becomes::Abandoned));
        if draft.fate == Fate::Failed && draft.attempt < MOST_ATTEMPTS && is_retried {
            self.retries.push_back(Retry {
                due: done.plus_micros(2_000_000 * i64::from(draft.attempt)),
                class,
                client: index,
                draft,
            });
        }
        self.sequences[gateway] += u64::from(!is_past);
        prepare(client, &draft, &mut self.scratch);
        if released.parameter {
            self.scratch.add_parameter("view", "short");
        }
        let mut record = compose(client, &draft, self.sequences[gateway], &self.scratch);
        if let Some(agent) = released.agent {
            record.user_agent = Some(agent);
        }
        if released.field && !record.fields_received.is_empty() {
            record.one_more_field = Some("updated_at");
        }
        if let Some(becomes) = becomes {
            change_record(&mut record, becomes);
        }
        record.write(buffer);
        self.key.clone_from(&client.id);
        let meta = Meta {
            time: draft.time,
            key_hash: client.key_hash,
            scenario: change.map(|(scenario, _)| scenario),
        };
        // What the gateway refused never reached the partner.
        let is_refused = matches!(draft.fate, Fate::Refused | Fate::Limited);
        if let Some(scenario) = mirrored.filter(|_| !is_past && !is_refused) {
            self.labels[scenario].note(draft.time);
            record.observer = Some("partner");
            let mut copy = Vec::new();
            record.write(&mut copy);
            let meta = Meta {
                scenario: Some(scenario),
                ..meta
            };
            self.mirrored = Some((copy, meta));
        }
        Some(meta)
    }

    fn planted(&mut self, step: Step, buffer: &mut Vec<u8>) -> Meta {
        self.next_step += 1;
        if step.scenario == BROKEN {
            write_broken(step.number, buffer);
            self.key.clear();
            return Meta {
                time: step.time,
                key_hash: splitmix(u64::from(step.number)),
                scenario: None,
            };
        }
        let index = step.scenario as usize;
        let phase = step.phase as usize;
        let taking_turns = &self.casts[index][phase];
        let actor = &taking_turns[step.number as usize % taking_turns.len()];
        let mut gateway = gateway_of(&actor.client);
        if self.changes.silences(GATEWAYS[gateway], step.time) {
            gateway = 1 - gateway;
        }
        self.sequences[gateway] += 1;
        let sequence = self.sequences[gateway];
        let frame = Frame {
            phase: &self.settings.scenarios[index].timeline[phase],
            actor,
            done: step.time,
            number: step.number,
            gateway: GATEWAYS[gateway],
            sequence,
        };
        let time = write(&frame, &mut self.random, &mut self.scratch, buffer);
        self.labels[index].note(time);
        self.key.clone_from(if actor.named {
            &actor.client.id
        } else {
            &actor.client.address
        });
        Meta {
            time,
            key_hash: actor.client.key_hash,
            scenario: Some(index),
        }
    }
}

/// What a scenario makes of an exchange before it is written.
fn change_draft(draft: &mut Draft, becomes: &Becomes, done: Timestamp) {
    match becomes {
        Becomes::Failed | Becomes::Abandoned => draft.fate = Fate::Failed,
        Becomes::Slow(times) => {
            draft.duration_us = draft
                .duration_us
                .saturating_mul(*times)
                .min(LONGEST_EXCHANGE_US);
            draft.time = done.plus_micros(-i64::from(draft.duration_us));
        }
        _ => {}
    }
}

/// What a scenario makes of an ordinary record.
fn change_record<'a>(record: &mut Record<'a>, becomes: &'a Becomes) {
    match becomes {
        Becomes::Unanswered => record.status = 0,
        Becomes::Stale(age) => {
            record.cache_status = Some("stale");
            record.cache_age_s = u64::try_from(age.micros() / 1_000_000).ok();
            record.upstream_us = None;
            record.upstream_address = None;
        }
        Becomes::Misnamed(gateway) => record.gateway = gateway,
        Becomes::Bypassed => record.observer = Some("partner"),
        Becomes::Ahead(by) => record.time = record.time.plus_micros(by.micros()),
        _ => {}
    }
}

/// Broken records, spread evenly over the span.
fn plan_broken(settings: &Settings, steps: &mut Vec<Step>) {
    let gap = settings.span_us / (i64::from(settings.broken) + 1);
    steps.extend((0..settings.broken).map(|number| Step {
        time: settings.start.plus_micros(gap * (i64::from(number) + 1)),
        scenario: BROKEN,
        phase: 0,
        number,
    }));
    steps.sort_unstable();
}

fn labels(scenarios: &[Scenario], others: Vec<Vec<LabelEntity>>) -> Vec<Label> {
    scenarios
        .iter()
        .zip(others)
        .map(|(scenario, also)| Label {
            name: scenario.name.clone(),
            attack: scenario.attack,
            difficulty: scenario.attack.then_some(scenario.difficulty),
            statistical: scenario.statistical,
            twin_of: scenario.twin_of.clone(),
            requirement: scenario.requirement.clone(),
            entity: scenario.entity.clone(),
            also,
            families: scenario.families.clone(),
            first: Timestamp::MIN,
            last: Timestamp::MIN,
            events: 0,
            wall_first: None,
        })
        .collect()
}
