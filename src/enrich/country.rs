//! Country of the client address, from a file in MaxMind's format.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use maxminddb::{PathElement, Reader};

use super::EnrichConfigError;

/// A country database, wholly in memory.
#[derive(Debug)]
pub(super) struct Countries {
    reader: Reader<Vec<u8>>,
}

impl Countries {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is absent or no MaxMind database.
    pub(super) fn open(file: &Path) -> Result<Self, EnrichConfigError> {
        let reader =
            Reader::open_readfile(file).map_err(|error| EnrichConfigError::CountryDatabase {
                file: PathBuf::from(file),
                why: error.to_string(),
            })?;
        Ok(Countries { reader })
    }

    /// ISO 3166-1 alpha-2 code; `None` for private and unknown addresses.
    pub(super) fn of(&self, address: IpAddr) -> Option<String> {
        let place = [PathElement::Key("country"), PathElement::Key("iso_code")];
        let code: &str = self
            .reader
            .lookup(address)
            .ok()?
            .decode_path(&place)
            .ok()??;
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code.then(|| code.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A string of the format: type 2, length, bytes.
    fn text(value: &str) -> Vec<u8> {
        let length = u8::try_from(value.len()).unwrap();
        assert!(length < 29);
        [&[2 << 5 | length][..], value.as_bytes()].concat()
    }

    fn number(kind: u8, value: u8) -> Vec<u8> {
        vec![kind << 5 | 1, value]
    }

    /// The least database (MaxMind DB 2.0): one node, whose left half (0.0.0.0/1) is Russia, the right half nothing.
    fn database() -> Vec<u8> {
        let country = [
            &[0xE1][..],
            &text("country"),
            &[0xE1],
            &text("iso_code"),
            &text("RU"),
        ]
        .concat();
        let metadata = [
            &[0xE9][..],
            &text("node_count"),
            &number(6, 1),
            &text("record_size"),
            &number(5, 24),
            &text("ip_version"),
            &number(5, 4),
            &text("database_type"),
            &text("Test-Country"),
            &text("languages"),
            &[0, 4],
            &text("binary_format_major_version")[..],
            &number(5, 2),
            &text("binary_format_minor_version"),
            &number(5, 0),
            &text("build_epoch"),
            &[1, 2, 1],
            &text("description"),
            &[0xE0],
        ]
        .concat();
        let tree = [0, 0, 17, 0, 0, 1];
        [
            &tree[..],
            &[0; 16],
            &country,
            b"\xAB\xCD\xEFMaxMind.com",
            &metadata,
        ]
        .concat()
    }

    #[test]
    fn an_address_is_looked_up_and_an_unknown_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("country.mmdb");
        std::fs::write(&file, database()).unwrap();
        let countries = Countries::open(&file).unwrap();
        assert_eq!(
            countries.of("77.88.8.8".parse().unwrap()).as_deref(),
            Some("RU")
        );
        assert_eq!(countries.of("203.0.113.1".parse().unwrap()), None);
        assert_eq!(countries.of("::1".parse().unwrap()), None);
    }
}
