//! Where the outside data lies: `GATEWATCH_DATA`, else `../shared/data` beside the project.

use std::path::PathBuf;

/// The folder `name` of the outside data. `None` only when `GATEWATCH_DATA=none` was said.
///
/// # Panics
/// When the data is absent and nobody said that it may be: such a test must not pass unseen.
pub fn folder(name: &str) -> Option<PathBuf> {
    let root = match std::env::var("GATEWATCH_DATA") {
        Ok(value) if value == "none" => {
            eprintln!("left out: GATEWATCH_DATA=none, so nothing is read from `{name}`");
            return None;
        }
        Ok(value) => PathBuf::from(value),
        Err(_) => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    let folder = root.join(name);
    assert!(
        folder.is_dir(),
        "{} is not there; set GATEWATCH_DATA to the folder of the outside data, or to `none` to leave these tests out",
        folder.display()
    );
    Some(folder)
}
