//! Whether rule files were touched: a look at their names, sizes and times, far cheaper than reading them.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

use super::load;
use crate::config::{self, Placeholder};

/// Stands for the state of every file that [`super::RuleSet::load`] reads with these settings; another after each edit.
///
/// Looked at again and again rather than told by the system, for a mounted folder (NFS, a container's volume, links that are
/// exchanged as a whole) tells of no edit.
#[must_use]
pub fn stamp(settings: &config::Rules) -> u64 {
    let mut hash = DefaultHasher::new();
    let (paths, unreadable) = load::paths(settings);
    for path in &paths {
        touch(path, &mut hash);
    }
    unreadable.len().hash(&mut hash);
    for path in &settings.pipelines {
        touch(path, &mut hash);
    }
    for placeholder in settings.placeholders.values() {
        if let Placeholder::File { file } = placeholder {
            touch(file, &mut hash);
        }
    }
    hash.finish()
}

/// A link counts as what it leads to.
fn touch(path: &Path, hash: &mut DefaultHasher) {
    path.hash(hash);
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    metadata.len().hash(hash);
    metadata.modified().ok().hash(hash);
    #[cfg(unix)]
    std::os::unix::fs::MetadataExt::ino(&metadata).hash(hash);
}
