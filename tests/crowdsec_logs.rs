//! The 37 logs of CrowdSec's tests through the whole way: the attacker is named by a rule of the right kind, and nobody else.

#[path = "data/mod.rs"]
mod data;
#[path = "replayed/mod.rs"]
mod replayed;

use replayed::{Catalogue, crowdsec};

#[test]
fn attackers_are_named_and_nobody_else() {
    let Some(folder) = data::folder("crowdsec-logs") else {
        return;
    };
    let mapping = crowdsec::mapping();
    let logs = crowdsec::replay(&folder, &Catalogue::load(), &mapping);
    let named = crowdsec::print(&logs);
    let (requests, others): (Vec<_>, Vec<_>) =
        logs.iter().partition(|log| log.not_of_requests.is_none());
    assert_eq!((requests.len(), others.len()), (31, 6));
    assert_eq!(others.len(), mapping.not_of_requests.len());
    assert!(named >= 29, "{named} of {}", requests.len());
    for log in others {
        assert!(log.others.is_empty(), "{log}");
    }
}
