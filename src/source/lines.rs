//! Lines of a file or of standard input: the source without Kafka.
//!
//! The offset of a record is the byte at which its line begins (in the unpacked content of a `.gz`). A file is known by
//! its content, not its name, so that a rotated file is found again.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::RawBatch;

/// Bytes of the first line that a file is known by.
const KNOWN_BY: u64 = 4_096;
/// How often the end of a followed file is looked at.
pub const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// What an attempt to read a batch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There may be more.
    More,
    /// The end, for now or for good.
    End,
}

/// Lines of one input.
pub struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    /// Offset of the line being read.
    offset: i64,
    line: Vec<u8>,
    /// Bytes of the line that were read, kept or not.
    read: i64,
    limit: usize,
}

impl Lines {
    /// Lines of any input, the first at `offset`. Of a line longer than `limit` bytes only one byte more is kept.
    #[must_use]
    pub fn new(input: Box<dyn Read + Send>, offset: i64, limit: usize) -> Self {
        Lines {
            input: BufReader::with_capacity(256 << 10, input),
            offset,
            line: Vec::new(),
            read: 0,
            limit,
        }
    }

    /// Opens a file, unpacks it when its name ends in `.gz`, and goes to the first line that begins at `offset` or behind it: what was
    /// stored last is known by its beginning alone.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn open(path: &Path, offset: i64, limit: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        // From the byte before: when that is a newline, a line begins at `offset`.
        let before = offset.max(1) - 1;
        let skip = u64::try_from(before).unwrap_or_default();
        let mut lines = if is_packed(path) {
            let mut unpacked = MultiGzDecoder::new(BufReader::new(file));
            io::copy(&mut (&mut unpacked).take(skip), &mut io::sink())?;
            Lines::new(Box::new(unpacked), before, limit)
        } else {
            file.seek(SeekFrom::Start(skip))?;
            Lines::new(Box::new(file), before, limit)
        };
        if offset > 0 {
            lines.read_line()?;
            lines.line.clear();
            lines.offset += std::mem::take(&mut lines.read);
        }
        Ok(lines)
    }

    /// Adds lines to `batch`. A last line without a newline is added only when `whole` says that no more will come.
    ///
    /// # Errors
    /// The input cannot be read, or a packed file is damaged.
    pub fn read_into(&mut self, batch: &mut RawBatch, whole: bool) -> io::Result<Progress> {
        while !batch.is_full() {
            let ended = self.read_line()?;
            if ended || (whole && self.read > 0) {
                self.emit(batch);
            }
            if !ended {
                return Ok(Progress::End);
            }
        }
        batch.set_behind(true);
        Ok(Progress::More)
    }

    /// Reads to the next newline; false when the input ended before.
    fn read_line(&mut self) -> io::Result<bool> {
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(false);
            }
            let newline = memchr::memchr(b'\n', chunk);
            let taken = newline.map_or(chunk.len(), |at| at + 1);
            let room = (self.limit + 1).saturating_sub(self.line.len());
            self.line
                .extend_from_slice(&chunk[..newline.unwrap_or(taken).min(room)]);
            self.input.consume(taken);
            self.read += i64::try_from(taken).unwrap_or(i64::MAX);
            if newline.is_some() {
                return Ok(true);
            }
        }
    }

    fn emit(&mut self, batch: &mut RawBatch) {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        // Empty lines between records are no records.
        if !self.line.is_empty() {
            batch.push(self.offset, None, &self.line);
        }
        self.offset += self.read;
        self.read = 0;
        self.line.clear();
    }
}

fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// What a file is known by: a hash of its first line. `None` while it has no whole one, unless `whole` says that no more will come.
///
/// # Errors
/// The file cannot be opened or read.
pub fn fingerprint(path: &Path, whole: bool) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    let mut first = Vec::new();
    let mut input: Box<dyn BufRead> = if is_packed(path) {
        Box::new(BufReader::new(MultiGzDecoder::new(file)))
    } else {
        Box::new(BufReader::new(file))
    };
    (&mut input).take(KNOWN_BY).read_until(b'\n', &mut first)?;
    let complete = first.last() == Some(&b'\n') || first.len() as u64 == KNOWN_BY;
    Ok((complete || (whole && !first.is_empty())).then(|| hash(&first)))
}

fn hash(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let (head, _) = digest.split_first_chunk().expect("32 bytes hold 8");
    format!("{:016x}", u64::from_be_bytes(*head))
}

/// Tells whether a followed file was rotated: another file has its name, or it was cut.
#[derive(Debug)]
pub struct Identity {
    path: PathBuf,
    file: (u64, u64),
}

impl Identity {
    /// Of the file that has this name now.
    ///
    /// # Errors
    /// There is no such file.
    pub fn of(path: &Path) -> io::Result<Self> {
        let file = number(path)?;
        Ok(Identity {
            path: path.to_owned(),
            file,
        })
    }

    /// Whether `path` is another file now, or shorter than `offset`.
    #[must_use]
    pub fn is_rotated(&self, offset: i64) -> bool {
        match (number(&self.path), std::fs::metadata(&self.path)) {
            (Ok(file), Ok(data)) => {
                file != self.file || i64::try_from(data.len()).is_ok_and(|length| length < offset)
            }
            // Between removal and creation there is no file; it will come.
            _ => false,
        }
    }
}

#[cfg(unix)]
fn number(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let data = std::fs::metadata(path)?;
    Ok((data.dev(), data.ino()))
}

impl Lines {
    /// Offset behind the last line that was given out.
    #[must_use]
    pub fn offset(&self) -> i64 {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn all(lines: &mut Lines, whole: bool) -> Vec<(i64, Vec<u8>)> {
        let mut batch = RawBatch::new(0);
        while lines.read_into(&mut batch, whole).unwrap() == Progress::More {}
        batch
            .iter()
            .map(|(offset, _, payload)| (offset, payload.to_vec()))
            .collect()
    }

    #[test]
    fn offsets_are_the_bytes_where_lines_begin() {
        let mut lines = Lines::new(Box::new(&b"one\n\ntwo\r\nthree"[..]), 0, 100);
        assert_eq!(
            all(&mut lines, true),
            [
                (0, b"one".to_vec()),
                (5, b"two".to_vec()),
                (10, b"three".to_vec())
            ]
        );
    }

    #[test]
    fn a_line_that_is_still_written_waits() {
        let mut lines = Lines::new(Box::new(&b"one\ntw"[..]), 0, 100);
        assert_eq!(all(&mut lines, false), [(0, b"one".to_vec())]);
        assert_eq!(lines.offset(), 4);
    }

    #[test]
    fn an_overlong_line_is_cut_and_the_next_one_is_whole() {
        let mut lines = Lines::new(Box::new(&b"0123456789\nnext\n"[..]), 0, 4);
        assert_eq!(
            all(&mut lines, true),
            [(0, b"01234".to_vec()), (11, b"next".to_vec())]
        );
    }

    #[test]
    fn a_packed_file_is_unpacked_and_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.gz");
        let mut packer = flate2::write::GzEncoder::new(
            File::create(&path).unwrap(),
            flate2::Compression::fast(),
        );
        packer.write_all(b"one\ntwo\n").unwrap();
        packer.finish().unwrap();
        let from = |offset| all(&mut Lines::open(&path, offset, 100).unwrap(), true);
        assert_eq!(from(4), [(4, b"two".to_vec())]);
        assert_eq!(from(1), from(4), "behind the beginning of the first line");
        assert_eq!(from(0).len(), 2);
        assert_eq!(from(5), []);
        assert!(fingerprint(&path, true).unwrap().is_some());
    }

    #[test]
    fn rotation_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "one\n").unwrap();
        let identity = Identity::of(&path).unwrap();
        assert!(!identity.is_rotated(4));
        std::fs::rename(&path, folder.path().join("log.1")).unwrap();
        assert!(!identity.is_rotated(4));
        std::fs::write(&path, "two\n").unwrap();
        assert!(identity.is_rotated(4));
    }
}
