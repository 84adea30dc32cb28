//! The target of a request line, split (RFC 9112, section 3.2).

/// Byte ranges of the parts of `/path?query` or `http://host/path?query`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Scheme, when the target is absolute.
    pub scheme: Option<(usize, usize)>,
    /// Host, perhaps with port, when the target is absolute.
    pub host: Option<(usize, usize)>,
    /// Path; empty when an absolute target has none.
    pub path: (usize, usize),
    /// Query without its question mark, when it is not empty.
    pub query: Option<(usize, usize)>,
}

impl Target {
    /// Splits a target; every string has a path, if nothing else.
    #[must_use]
    pub fn split(target: &str) -> Target {
        let bytes = target.as_bytes();
        let mut scheme = None;
        let mut host = None;
        let mut path_start = 0;
        // A scheme is letters up to `://`; a target that begins with a slash has none.
        let letters = bytes
            .iter()
            .take(12)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        if letters > 0 && bytes[letters..].starts_with(b"://") {
            let host_start = letters + 3;
            path_start = bytes[host_start..]
                .iter()
                .position(|byte| matches!(byte, b'/' | b'?' | b'#'))
                .map_or(bytes.len(), |at| host_start + at);
            scheme = Some((0, letters));
            host = Some((host_start, path_start));
        }
        let mark = memchr::memchr(b'?', &bytes[path_start..]).map(|at| path_start + at);
        Target {
            scheme,
            host,
            path: (path_start, mark.unwrap_or(bytes.len())),
            query: mark
                .map(|at| (at + 1, bytes.len()))
                .filter(|(start, end)| start < end),
        }
    }
}
