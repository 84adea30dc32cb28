//! Other rules while a shard runs: what stayed the same, by id and content, goes on as if nothing had happened.

use std::mem;
use std::sync::Arc;

use super::absence::Absences;
use super::correlation::Correlation;
use super::queue::Queue;
use super::split::{Target, Turn, Waiting};
use super::{Places, Plan, Shard};

impl Shard {
    /// Goes on with another plan. `places` says where what was known stands in it; windows and waiting matches of what is gone or
    /// changed are given up, and counted.
    pub fn adopt(&mut self, plan: &Arc<Plan>, places: &Places) {
        let fresh = plan.correlations.iter();
        let fresh = fresh.map(|spec| Correlation::new(spec, plan)).collect();
        let old = mem::replace(&mut self.correlations, fresh);
        for (at, state) in (0..).zip(old) {
            match places.correlation(at) {
                Some(index) => self.correlations[index as usize] = state,
                None => self.counts.dropped_on_reload += state.groups() as u64,
            }
        }
        let released = self.watermark;
        let queues = (0..=plan.levels()).map(|_| Queue::new(released)).collect();
        let old = mem::replace(&mut self.queues, queues);
        self.plan = Arc::clone(plan);
        for (turn, waiting) in old.into_iter().flat_map(Queue::into_sorted) {
            match moved(places, turn, waiting) {
                Some((turn, waiting)) => self.queue(turn, waiting),
                None => self.counts.dropped_on_reload += 1,
            }
        }
        let waits = mem::replace(&mut self.absences, Absences::new(plan));
        for (turn, waiting, count) in self.absences.take_over(waits, places, plan) {
            match moved(places, turn, waiting) {
                Some((turn, waiting)) => self.absences.await_again(turn, waiting, count, plan),
                None => self.counts.dropped_on_reload += 1,
            }
        }
        self.behaviour.adopt(plan);
        self.dirty = true;
    }
}

fn moved(places: &Places, turn: Turn, waiting: Waiting) -> Option<(Turn, Waiting)> {
    let target = match turn.target {
        Target::Rule(rule) => Target::Rule(places.rule(rule)?),
        Target::Group { correlation, group } => Target::Group {
            correlation: places.correlation(correlation)?,
            group,
        },
    };
    let waiting = Waiting {
        rule: places.rule(waiting.rule)?,
        above: places.keys(waiting.above),
        ..waiting
    };
    Some((Turn { target, ..turn }, waiting))
}
