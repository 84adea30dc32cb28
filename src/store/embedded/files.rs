//! The embedded server's `config.xml` and `users.xml`, written into its data folder with mode 0600 at each start.

use std::fmt::Write as _;
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{EmbeddedError, Server};
use crate::config::Secret;

const CONFIG: &str = include_str!("config.xml");
const USERS: &str = include_str!("users.xml");
const ANALYST: &str = include_str!("analyst.xml");

/// Writes both files; returns the absolute data folder.
pub(super) fn write(server: &Server) -> Result<PathBuf, EmbeddedError> {
    let failed = |source| EmbeddedError::File {
        path: server.data.clone(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&server.data)
        .map_err(failed)?;
    let data = server.data.canonicalize().map_err(failed)?;
    write_private(&data.join("config.xml"), &config(&data, server)?)?;
    write_private(&data.join("users.xml"), &users(server))?;
    bridge_directory_sync(&data).map_err(failed)?;
    Ok(data)
}

/// The engine (26.7) syncs a directory of an encrypted disk by the disk's path put twice before it, so
/// `fsync_part_directory` fails there with `FILE_DOESNT_EXIST`. A link makes that path lead to the directory that is meant.
fn bridge_directory_sync(data: &Path) -> std::io::Result<()> {
    let disk = data.join("raw/encrypted");
    let below = disk.strip_prefix("/").unwrap_or(&disk);
    let link = disk.join(below);
    if let Some(parent) = link.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)?;
    }
    match std::os::unix::fs::symlink(&disk, &link) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

fn config(data: &Path, server: &Server) -> Result<String, EmbeddedError> {
    let extra = match &server.extra {
        Some(path) => read_extra(path)?,
        None => String::new(),
    };
    Ok(CONFIG
        .replace("@DIR@", &escape(&data.display().to_string()))
        .replace("@EXTRA@", &extra))
}

fn users(server: &Server) -> String {
    let analyst = if server.analyst_password.is_empty() {
        String::new()
    } else {
        ANALYST.replace("@PASSWORD_SHA256@", &sha256(&server.analyst_password))
    };
    USERS
        .replace("@PASSWORD_SHA256@", &sha256(&server.password))
        .replace("@ANALYST@", &analyst)
}

/// The content of the file's `<clickhouse>` element.
fn read_extra(path: &Path) -> Result<String, EmbeddedError> {
    let text = std::fs::read_to_string(path).map_err(|source| EmbeddedError::File {
        path: path.to_owned(),
        source,
    })?;
    let refused = |problem| EmbeddedError::Extra {
        path: path.to_owned(),
        problem,
    };
    let (_, rest) = text
        .split_once("<clickhouse>")
        .ok_or_else(|| refused("no <clickhouse>"))?;
    let (inner, _) = rest
        .rsplit_once("</clickhouse>")
        .ok_or_else(|| refused("no </clickhouse>"))?;
    Ok(inner.trim().to_owned())
}

/// Writes a file that only its owner reads, and replaces one that is there as a whole.
fn write_private(path: &Path, text: &str) -> Result<(), EmbeddedError> {
    let failed = |source| EmbeddedError::File {
        path: path.to_owned(),
        source,
    };
    let temporary = path.with_extension("xml.new");
    // Mode counts only for a file that is made: a leftover is removed first.
    let _ = std::fs::remove_file(&temporary);
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)
}

/// SHA-256 in hexadecimal, as `password_sha256_hex` wants it.
fn sha256(secret: &Secret) -> String {
    Sha256::digest(secret.expose())
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn server(data: &Path) -> Server {
        Server {
            data: data.to_owned(),
            http: 1,
            tcp: 2,
            library: PathBuf::new(),
            password: Secret::new("writer"),
            analyst_password: Secret::new("reader"),
            extra: None,
        }
    }

    #[test]
    fn files_are_private_and_hold_no_password() {
        let folder = tempfile::tempdir().unwrap();
        let data = write(&server(&folder.path().join("a & b"))).unwrap();
        for name in ["config.xml", "users.xml"] {
            let path = data.join(name);
            let text = std::fs::read_to_string(&path).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert!(!text.contains('@'), "a placeholder is left in {name}");
            assert!(!text.contains(">writer<") && !text.contains(">reader<"));
        }
        let config = std::fs::read_to_string(data.join("config.xml")).unwrap();
        assert!(config.contains("a &amp; b/raw/"), "{config}");
    }

    #[test]
    fn without_a_password_there_is_no_analyst() {
        let folder = tempfile::tempdir().unwrap();
        let mut server = server(folder.path());
        server.analyst_password = Secret::default();
        assert!(!users(&server).contains("<analyst>"));
    }

    #[test]
    fn extra_configuration_must_be_a_clickhouse_element() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("extra.xml");
        std::fs::write(&path, "<clickhouse>\n<a/>\n</clickhouse>").unwrap();
        assert_eq!(read_extra(&path).unwrap(), "<a/>");
        std::fs::write(&path, "<yandex/>").unwrap();
        assert!(matches!(
            read_extra(&path),
            Err(EmbeddedError::Extra { .. })
        ));
    }
}
