//! Turns of searches: so many run at once, of one reader and of all together. Each may take much of ClickHouse, so one more is refused and not kept waiting.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use thiserror::Error;

use crate::config;

/// Why a search does not run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum NoTurn {
    /// As many of the reader run as may.
    #[error("as many searches of the reader run as may at once")]
    OfReader,
    /// As many of all run as may.
    #[error("as many searches run as may at once")]
    OfAll,
}

/// Searches that run, by the name of who asked.
#[derive(Debug)]
pub(super) struct Turns {
    of_reader: u32,
    of_all: u32,
    running: Mutex<HashMap<String, u32>>,
}

/// One search that runs, until it is dropped: with its answer, or when nobody waits for that any more.
#[derive(Debug)]
pub(super) struct Turn<'t> {
    turns: &'t Turns,
    reader: String,
}

impl Turns {
    pub(super) fn new(bounds: &config::Bounds) -> Turns {
        Turns {
            of_reader: bounds.searches_a_reader.get(),
            of_all: bounds.searches.get(),
            running: Mutex::default(),
        }
    }

    /// Lets a search of the reader run.
    pub(super) fn take(&self, reader: &str) -> Result<Turn<'_>, NoTurn> {
        let mut running = self.lock();
        let of_reader = running.get(reader).copied().unwrap_or(0);
        if of_reader >= self.of_reader {
            return Err(NoTurn::OfReader);
        }
        if running.values().sum::<u32>() >= self.of_all {
            return Err(NoTurn::OfAll);
        }
        running.insert(reader.to_owned(), of_reader + 1);
        Ok(Turn {
            turns: self,
            reader: reader.to_owned(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut running = self.turns.lock();
        if let Some(of_reader) = running.get_mut(&self.reader) {
            *of_reader -= 1;
            if *of_reader == 0 {
                running.remove(&self.reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn so_many_searches_run_at_once_of_a_reader_and_of_all() {
        let turns = Turns::new(&config::Bounds {
            searches_a_reader: NonZeroU32::new(2).unwrap(),
            searches: NonZeroU32::new(3).unwrap(),
            ..config::Bounds::default()
        });
        let anna = turns.take("anna").unwrap();
        let _again = turns.take("anna").unwrap();
        assert_eq!(turns.take("anna").unwrap_err(), NoTurn::OfReader);
        let boris = turns.take("boris").unwrap();
        assert_eq!(turns.take("boris").unwrap_err(), NoTurn::OfAll);
        drop(anna);
        drop(turns.take("boris").unwrap());
        drop(boris);
        let _third = turns.take("anna").unwrap();
        assert_eq!(turns.lock().len(), 1, "who has none is forgotten");
    }
}
