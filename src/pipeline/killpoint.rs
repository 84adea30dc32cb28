//! Points at which a test can kill the process, to hold the failure table of `docs/delivery.md`.
//!
//! Only in debug builds: `GATEWATCH_KILL_AT=after_intent:3` aborts the process the third time that point is reached.

/// The steps of the failure table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillPoint {
    /// A block is built; its intent is not committed yet.
    BeforeIntent,
    /// The intent is committed; nothing is inserted.
    AfterIntent,
    /// Dead letters are inserted; events are not.
    BetweenInserts,
    /// All rows are inserted; the shards have not applied the block.
    AfterInsert,
    /// The shards have applied the block; its alerts are not published.
    BeforeAlerts,
    /// The alerts are acknowledged; the next intent is not committed.
    AfterAlerts,
    /// A snapshot is stored.
    AfterSnapshot,
}

impl KillPoint {
    #[cfg(debug_assertions)]
    fn name(self) -> &'static str {
        match self {
            KillPoint::BeforeIntent => "before_intent",
            KillPoint::AfterIntent => "after_intent",
            KillPoint::BetweenInserts => "between_inserts",
            KillPoint::AfterInsert => "after_insert",
            KillPoint::BeforeAlerts => "before_alerts",
            KillPoint::AfterAlerts => "after_alerts",
            KillPoint::AfterSnapshot => "after_snapshot",
        }
    }

    /// Aborts the process here when a test asked for it.
    #[cfg(debug_assertions)]
    pub fn reach(self) {
        use std::sync::atomic::{AtomicU32, Ordering};
        static REACHED: AtomicU32 = AtomicU32::new(0);
        let Ok(asked) = std::env::var("GATEWATCH_KILL_AT") else {
            return;
        };
        let (name, nth) = asked.split_once(':').unwrap_or((&asked, "1"));
        if name == self.name()
            && REACHED.fetch_add(1, Ordering::Relaxed) + 1 == nth.parse().unwrap_or(1)
        {
            std::process::abort();
        }
    }

    /// Nothing, in a release build.
    #[cfg(not(debug_assertions))]
    pub fn reach(self) {}
}
