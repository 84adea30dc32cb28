//! The mappings that are built in: a table a product, of the keys that its JSON log has.

mod caddy;
mod envoy;
mod kong;
mod nginx;
mod traefik;

use super::convert::Conversion;
use super::{Mapping, Node, Target};
use crate::event::Field;

/// A field, what is done to its value, and the places that it may stand at, best first. A dot leads into an object or array.
type Entry = (Field, Conversion, &'static [&'static str]);

/// The mappings that are built in.
#[derive(Debug)]
pub(in crate::decode) struct BuiltIn {
    pub(in crate::decode) nginx_json: Mapping,
    pub(in crate::decode) envoy_json: Mapping,
    pub(in crate::decode) kong: Mapping,
    pub(in crate::decode) traefik_json: Mapping,
    pub(in crate::decode) caddy: Mapping,
}

impl BuiltIn {
    pub(in crate::decode) fn new() -> Self {
        BuiltIn {
            nginx_json: build(nginx::ENTRIES),
            envoy_json: build(envoy::ENTRIES),
            kong: build(kong::ENTRIES),
            traefik_json: build(traefik::ENTRIES),
            caddy: build(caddy::ENTRIES),
        }
    }
}

fn build(entries: &[Entry]) -> Mapping {
    let mut root = Node::default();
    let mut time_places = Vec::new();
    let mut ranks = [0_u8; Field::ALL.len()];
    for (field, conversion, places) in entries {
        for place in *places {
            let rank = ranks[*field as usize];
            ranks[*field as usize] += 1;
            let keys: Vec<String> = place.split('.').map(str::to_owned).collect();
            root.insert(
                &keys,
                Target {
                    field: *field,
                    conversion: *conversion,
                    rank,
                },
            );
            if *field == Field::Time {
                time_places.push(format!("`{place}`"));
            }
        }
    }
    Mapping {
        root,
        time_places: time_places.join(", "),
        // The fingerprint has the name of the format and the version of decode.
        source: Vec::new(),
    }
}
