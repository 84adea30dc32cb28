//! Letters that are not done yet: which goes next, when it is tried again, and how far offsets may be committed.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::message::Letter;
use super::{Entry, SendError, State};
use crate::event::Timestamp;

const SECOND: i64 = 1_000_000;
/// First pause after a failure; doubled each time up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: i64 = SECOND;
const LONGEST_PAUSE: i64 = 300 * SECOND;
/// With so many letters waiting, no more alerts are taken.
const FULL: usize = 1_000;

/// A letter that waits, or is on its way.
#[derive(Debug)]
struct Waiting {
    number: u64,
    letter: Arc<Letter>,
    /// What the ledger gets once it is done; its state and time are set then.
    entry: Entry,
    /// Offset of the alert; `None` for what comes from the clock.
    offset: Option<i64>,
    failures: u32,
    since: Timestamp,
    not_before: Timestamp,
    on_its_way: bool,
}

/// What became of an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    /// Over: write this entry, then call [`Outbox::done`].
    Over(Entry),
    /// It is tried again.
    Again,
}

/// Letters in the order in which they were decided.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    next_number: u64,
    waiting: VecDeque<Waiting>,
    /// Nothing goes out before this: the server is not to be spoken to.
    closed_until: Option<Timestamp>,
    closures: u32,
    give_up: i64,
}

impl Outbox {
    /// An empty outbox; letters are given up after `give_up` microseconds.
    pub(crate) fn new(give_up: i64) -> Self {
        Outbox {
            give_up,
            ..Outbox::default()
        }
    }

    /// Puts a letter at the end.
    pub(crate) fn push(
        &mut self,
        letter: Letter,
        entry: Entry,
        offset: Option<i64>,
        now: Timestamp,
    ) {
        self.waiting.push_back(Waiting {
            number: self.next_number,
            letter: Arc::new(letter),
            entry,
            offset,
            failures: 0,
            since: now,
            not_before: now,
            on_its_way: false,
        });
        self.next_number += 1;
    }

    /// Takes out letters that wait and have nothing true to say any more.
    pub(crate) fn withdraw(&mut self, is_stale: impl Fn(&Entry) -> bool) {
        self.waiting
            .retain(|waiting| waiting.on_its_way || !is_stale(&waiting.entry));
    }

    /// Whether more alerts may be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting.len() < FULL
    }

    /// Letters that are not done.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The next letter to send now. Letters to one recipient go one after another, so that answers follow what they
    /// answer; a recipient whose letter is put off does not hold up the others.
    pub(crate) fn take(&mut self, now: Timestamp) -> Option<(u64, Arc<Letter>)> {
        if self.closed_until.is_some_and(|until| is_before(now, until)) {
            return None;
        }
        let mut passed = HashSet::new();
        let next = self.waiting.iter_mut().find(|waiting| {
            passed.insert(waiting.letter.key.recipient)
                && !waiting.on_its_way
                && !is_before(now, waiting.not_before)
        })?;
        next.on_its_way = true;
        Some((next.number, Arc::clone(&next.letter)))
    }

    /// Takes in what became of a letter that was sent.
    pub(crate) fn landed(
        &mut self,
        number: u64,
        result: &Result<(), SendError>,
        now: Timestamp,
    ) -> Option<Landing> {
        let give_up = self.give_up;
        let waiting = self
            .waiting
            .iter_mut()
            .find(|waiting| waiting.number == number)?;
        waiting.on_its_way = false;
        let state = match result {
            Ok(()) => State::Sent,
            Err(SendError::Refused { code }) => State::Refused { code: *code },
            // Only a server that answers about this very letter makes it give up; an outage may last as long as it likes.
            Err(SendError::PutOff { .. }) if now.since(waiting.since) >= give_up => State::GivenUp,
            Err(SendError::PutOff { .. }) => {
                waiting.failures += 1;
                waiting.not_before = now.plus_micros(pause(waiting.failures));
                return Some(Landing::Again);
            }
            Err(SendError::Unreachable { .. } | SendError::Login { .. }) => {
                self.closures += 1;
                self.closed_until = Some(now.plus_micros(pause(self.closures)));
                return Some(Landing::Again);
            }
        };
        // Written before the entry is acknowledged, so the letter stays and blocks its recipient and its offset.
        waiting.on_its_way = true;
        if matches!(state, State::Sent | State::Refused { .. }) {
            self.closures = 0;
            self.closed_until = None;
        }
        Some(Landing::Over(Entry {
            at: now,
            state,
            ..waiting.entry.clone()
        }))
    }

    /// Forgets a letter whose entry was acknowledged.
    pub(crate) fn done(&mut self, number: u64) {
        self.waiting.retain(|waiting| waiting.number != number);
    }

    /// The least offset that is not done; `None` when all are.
    pub(crate) fn first_open_offset(&self) -> Option<i64> {
        self.waiting
            .iter()
            .filter_map(|waiting| waiting.offset)
            .min()
    }
}

fn pause(failures: u32) -> i64 {
    let doubled = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

/// Whether `until` is still to come. A clock that was set back must not stop the mail: a pause is never longer than the longest.
fn is_before(now: Timestamp, until: Timestamp) -> bool {
    (1..=LONGEST_PAUSE).contains(&until.since(now))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::notify::{Key, RecipientKey, Stage};
    use crate::sigma::Level;

    const PUT_OFF: Result<(), SendError> = Err(SendError::PutOff { code: 450 });

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn push(outbox: &mut Outbox, address: &str, offset: i64) {
        let key = Key {
            subject: Uuid::from_u128(1),
            stage: Stage::Opened,
            recipient: RecipientKey::of(address),
        };
        let letter = Letter {
            key,
            envelope: lettre::address::Envelope::new(None, vec![address.parse().unwrap()]).unwrap(),
            bytes: vec![],
        };
        let entry = Entry {
            key,
            at: at(0),
            count: 1,
            level: Level::High,
            state: State::Sent,
        };
        outbox.push(letter, entry, Some(offset), at(0));
    }

    #[test]
    fn a_recipient_that_is_put_off_waits_and_the_others_do_not() {
        let mut outbox = Outbox::new(3_600 * SECOND);
        push(&mut outbox, "a@example.org", 1);
        push(&mut outbox, "a@example.org", 2);
        push(&mut outbox, "b@example.org", 3);
        let (first, _) = outbox.take(at(0)).unwrap();
        assert_eq!(outbox.landed(first, &PUT_OFF, at(0)), Some(Landing::Again));
        let (other, letter) = outbox.take(at(0)).unwrap();
        assert_eq!(letter.key.recipient, RecipientKey::of("b@example.org"));
        assert!(matches!(
            outbox.landed(other, &Ok(()), at(0)),
            Some(Landing::Over(_))
        ));
        outbox.done(other);
        assert!(
            outbox.take(at(0)).is_none(),
            "the second to a@ follows the first"
        );
        assert_eq!(outbox.take(at(1)).unwrap().0, first);
    }

    #[test]
    fn an_offset_stays_open_until_its_entry_is_acknowledged() {
        let mut outbox = Outbox::new(3_600 * SECOND);
        push(&mut outbox, "a@example.org", 7);
        let (number, _) = outbox.take(at(0)).unwrap();
        outbox.landed(number, &Ok(()), at(0));
        assert_eq!(outbox.first_open_offset(), Some(7));
        assert!(
            outbox.take(at(9)).is_none(),
            "and is not sent again meanwhile"
        );
        outbox.done(number);
        assert_eq!(outbox.first_open_offset(), None);
    }

    #[test]
    fn a_server_that_cannot_be_reached_is_left_alone_longer_and_longer() {
        let mut outbox = Outbox::new(3_600 * SECOND);
        push(&mut outbox, "a@example.org", 1);
        push(&mut outbox, "b@example.org", 2);
        let down = Err(SendError::Unreachable {
            reason: String::new(),
        });
        let mut now = at(0);
        for pause in [1, 2, 4, 8] {
            let (number, _) = outbox.take(now).unwrap();
            outbox.landed(number, &down, now);
            assert!(outbox.take(now).is_none());
            now = now.plus_micros(pause * SECOND);
        }
        assert!(outbox.take(now).is_some());
    }

    #[test]
    fn a_refused_mail_is_over_and_so_is_one_put_off_for_too_long() {
        let mut outbox = Outbox::new(60 * SECOND);
        push(&mut outbox, "a@example.org", 1);
        let (number, _) = outbox.take(at(0)).unwrap();
        let refused = Err(SendError::Refused { code: 550 });
        let Some(Landing::Over(entry)) = outbox.landed(number, &refused, at(0)) else {
            panic!("a refusal is final");
        };
        assert_eq!(entry.state, State::Refused { code: 550 });
        push(&mut outbox, "b@example.org", 2);
        let (number, _) = outbox.take(at(0)).unwrap();
        let Some(Landing::Over(entry)) = outbox.landed(number, &PUT_OFF, at(60)) else {
            panic!("a minute is over");
        };
        assert_eq!(entry.state, State::GivenUp);
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_mail() {
        let mut outbox = Outbox::new(3_600 * SECOND);
        push(&mut outbox, "a@example.org", 1);
        assert!(outbox.take(at(-10_000)).is_some());
    }
}
