//! What the tracker did and what it had to give up, in numbers for the metrics.

/// Counted since the start of the process. Nothing that is lost or approximated goes uncounted, but for details of an hour of behaviour that is judged all the same
/// (`docs/detectors/README.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrackCounts {
    /// Matches whose turn came.
    pub released: u64,
    /// Findings made.
    pub findings: u64,
    /// Matches that a shard had seen before, by its own offsets (replay after a restore).
    pub skipped: u64,
    /// Matches that were late by their own partition.
    pub late: u64,
    /// Matches in time for their partition but behind the watermark, since the partition had been taken for idle.
    pub behind_watermark: u64,
    /// Matches that were late or behind the watermark, hence not counted in a window.
    pub late_for_window: u64,
    /// Matches released before the watermark because the reorder buffer was full.
    pub forced: u64,
    /// Groups of correlations forgotten for want of room.
    pub evicted_groups: u64,
    /// Entries of windows forgotten for want of room.
    pub evicted_entries: u64,
    /// Requests too late for the baseline's minute.
    pub late_requests: u64,
    /// Requests not seen by the baseline: no room for another client in an open minute, or an absurd time.
    pub unobserved_requests: u64,
    /// Requests whose ids were not compared with others, for want of room.
    pub unobserved_ids: u64,
    /// Minutes of gateways and operations that nothing watched, for want of room.
    pub unwatched: u64,
    /// Clients whose baseline was forgotten for want of room.
    pub evicted_clients: u64,
    /// Entities whose behaviour was forgotten for want of room.
    pub evicted_entities: u64,
    /// Findings of behaviour that were not told, since others of one cause had been.
    pub as_odd: u64,
    /// Observations of blocks that straddle the offset up to which a shard was restored; 0 when the replay cuts blocks there.
    pub straddled: u64,
    /// Entries of a snapshot left out because their rule is gone or changed.
    pub dropped_on_restore: u64,
    /// Windows and waiting matches given up because their rule was changed or taken away while the process ran.
    pub dropped_on_reload: u64,
    /// Alerts closed for want of room.
    pub evicted_alerts: u64,
}

impl TrackCounts {
    /// Adds another shard's counts.
    pub fn add(&mut self, other: &TrackCounts) {
        let TrackCounts {
            released,
            findings,
            skipped,
            late,
            behind_watermark,
            late_for_window,
            forced,
            evicted_groups,
            evicted_entries,
            late_requests,
            unobserved_requests,
            unobserved_ids,
            unwatched,
            evicted_clients,
            evicted_entities,
            as_odd,
            straddled,
            dropped_on_restore,
            dropped_on_reload,
            evicted_alerts,
        } = other;
        self.released += released;
        self.findings += findings;
        self.skipped += skipped;
        self.late += late;
        self.behind_watermark += behind_watermark;
        self.late_for_window += late_for_window;
        self.forced += forced;
        self.evicted_groups += evicted_groups;
        self.evicted_entries += evicted_entries;
        self.late_requests += late_requests;
        self.unobserved_requests += unobserved_requests;
        self.unobserved_ids += unobserved_ids;
        self.unwatched += unwatched;
        self.evicted_clients += evicted_clients;
        self.evicted_entities += evicted_entities;
        self.as_odd += as_odd;
        self.straddled += straddled;
        self.dropped_on_restore += dropped_on_restore;
        self.dropped_on_reload += dropped_on_reload;
        self.evicted_alerts += evicted_alerts;
    }
}
