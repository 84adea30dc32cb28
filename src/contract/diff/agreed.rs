//! Differences in what is agreed of many calls: levels, schedules, tenants, limits.

use std::collections::BTreeSet;

use super::Changes;
use crate::contract::document::{Document, Limit, Schedule, ServiceLevel, Tenant};
use crate::contract::words::Ids;

impl Changes {
    /// Levels and schedules: a call breaks none of them by itself.
    pub(super) fn promises(&mut self, old: &Document, new: &Document) {
        let levels = |of: &Document| {
            let mut texts: Vec<String> = of.service_levels.iter().map(level).collect();
            texts.extend(
                of.traffic
                    .iter()
                    .map(|it| format!("{} calls within {}", it.calls, it.within)),
            );
            texts.join("; ")
        };
        self.says("service_levels", &levels(old), &levels(new));
        let schedules = |of: &Document| {
            let texts: Vec<String> = of.schedules.iter().map(schedule).collect();
            texts.join("; ")
        };
        self.says("schedules", &schedules(old), &schedules(new));
    }

    /// What each name of clients may touch, type by type.
    pub(super) fn tenants(&mut self, old: &Document, new: &Document) {
        let keys = |of: &Document| -> BTreeSet<(String, String)> {
            let tenants = of.tenants.iter();
            let keys = tenants.flat_map(|tenant| {
                let kinds = tenant.resources.keys();
                kinds.flat_map(|kind| {
                    let clients = tenant.clients.iter();
                    clients.map(|client| (client.to_string(), kind.clone()))
                })
            });
            keys.collect()
        };
        for (client, kind) in keys(old).union(&keys(new)) {
            let of = |document: &Document| -> Option<Vec<Ids>> {
                let fits =
                    |tenant: &&Tenant| tenant.clients.iter().any(|it| it.to_string() == *client);
                let tenants = document.tenants.iter().filter(fits);
                let ids: Vec<Ids> = tenants
                    .filter_map(|tenant| tenant.resources.get(kind))
                    .flatten()
                    .cloned()
                    .collect();
                (!ids.is_empty()).then_some(ids)
            };
            let (was, is) = (of(old), of(new));
            let place = format!("tenants: {kind} of {client}");
            self.optional(
                &place,
                was.as_ref().map(|it| it.iter().collect()),
                is.as_ref().map(|it| it.iter().collect()),
            );
        }
    }

    /// Limits of the same calls in the same time are compared, others come or go.
    pub(super) fn limits(&mut self, old: &Document, new: &Document) {
        for limit in &new.limits {
            let was = old.limits.iter().find(|other| limit.counts_like(other));
            self.limit(limit, was.map(|was| was.requests), Some(limit.requests));
        }
        for limit in &old.limits {
            if !new.limits.iter().any(|other| limit.counts_like(other)) {
                self.limit(limit, Some(limit.requests), None);
            }
        }
    }

    fn limit(&mut self, limit: &Limit, old: Option<u32>, new: Option<u32>) {
        let whose = format!("{:?}", limit.of).to_lowercase();
        let of = if limit.operations.is_empty() {
            String::new()
        } else {
            format!(" of {}", limit.operations.join(", "))
        };
        let place = format!("limits: calls{of} by {whose} in {}", limit.within);
        self.most(&place, old, new);
    }
}

fn level(level: &ServiceLevel) -> String {
    let within = level
        .within_ms
        .map_or_else(String::new, |ms| format!(" within {ms} ms"));
    let of = level.operations.join(", ");
    format!("{} %{within} {of}", level.share)
        .trim_end()
        .to_owned()
}

fn schedule(schedule: &Schedule) -> String {
    let Schedule {
        name,
        operations,
        every,
        offset,
        tolerance,
        lasts,
        records,
        deletions,
    } = schedule;
    let mut text = format!("{name} every {every}");
    let mut more = |what: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(", ");
            text.push_str(what);
            text.push(' ');
            text.push_str(&value);
        }
    };
    more("after", offset.map(|it| it.to_string()));
    more("give or take", Some(tolerance.to_string()));
    more("lasting", lasts.map(|it| it.to_string()));
    more("records from", records.least.map(|it| it.to_string()));
    more("records to", records.most.map(|it| it.to_string()));
    more("deletions to", deletions.map(|it| it.to_string()));
    more(
        "of",
        (!operations.is_empty()).then(|| operations.join(", ")),
    );
    text
}
