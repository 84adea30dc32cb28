//! Which operation a method and a path are: a tree of segments, literal ones before parameters.

use std::ops::Range;

/// Most segments of a path that are looked at.
pub(super) const MAX_SEGMENTS: usize = 32;

/// The operations of one contract, by path and method.
#[derive(Debug)]
pub(super) struct Paths {
    /// The first is the root.
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    literals: Vec<(Box<str>, usize)>,
    parameter: Option<usize>,
    methods: Vec<(Box<str>, usize)>,
}

/// An operation that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its number.
    pub(super) operation: usize,
    /// Where the last parameter stands in the path.
    pub(super) last_parameter: Option<Range<usize>>,
}

impl Paths {
    pub(super) fn new() -> Self {
        Paths {
            nodes: vec![Node::default()],
        }
    }

    /// Adds an operation; gives back the one that already answers to the same calls.
    pub(super) fn insert(
        &mut self,
        method: &str,
        template: &str,
        operation: usize,
    ) -> Option<usize> {
        let mut at = 0;
        for (segment, _) in segments(template) {
            let known = if segment.starts_with('{') {
                self.nodes[at].parameter
            } else {
                self.literal(at, segment)
            };
            at = known.unwrap_or_else(|| self.add(at, segment));
        }
        let methods = &mut self.nodes[at].methods;
        if let Some((_, known)) = methods.iter().find(|(known, _)| **known == *method) {
            return Some(*known);
        }
        methods.push((method.into(), operation));
        None
    }

    /// A new node below `at`.
    fn add(&mut self, at: usize, segment: &str) -> usize {
        let next = self.nodes.len();
        self.nodes.push(Node::default());
        let above = &mut self.nodes[at];
        if segment.starts_with('{') {
            above.parameter = Some(next);
        } else {
            above.literals.push((segment.into(), next));
        }
        next
    }

    fn literal(&self, at: usize, segment: &str) -> Option<usize> {
        let known = self.nodes[at].literals.iter();
        known
            .filter(|(literal, _)| **literal == *segment)
            .map(|(_, next)| *next)
            .next()
    }

    /// The operation of a call. Each node is looked at once at most, so the cost is bounded by the contract.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Found> {
        self.walk(0, method, path, 0, None, MAX_SEGMENTS)
    }

    fn walk(
        &self,
        at: usize,
        method: &str,
        path: &str,
        start: usize,
        last_parameter: Option<Range<usize>>,
        left: usize,
    ) -> Option<Found> {
        let node = &self.nodes[at];
        let rest = path
            .get(start..)
            .unwrap_or_default()
            .trim_start_matches('/');
        if rest.is_empty() {
            let (_, operation) = node.methods.iter().find(|(known, _)| **known == *method)?;
            return Some(Found {
                operation: *operation,
                last_parameter,
            });
        }
        let left = left.checked_sub(1)?;
        let begin = path.len() - rest.len();
        let end = begin + rest.find('/').unwrap_or(rest.len());
        self.literal(at, &path[begin..end])
            .and_then(|next| self.walk(next, method, path, end, last_parameter, left))
            .or_else(|| self.walk(node.parameter?, method, path, end, Some(begin..end), left))
    }
}

/// The segments of a path that are not empty, with where each begins.
pub(super) fn segments(path: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut start = 0;
    path.split('/')
        .map(move |segment| {
            let begin = start;
            start += segment.len() + 1;
            (segment, begin)
        })
        .filter(|(segment, _)| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(operations: &[(&str, &str)]) -> Paths {
        let mut paths = Paths::new();
        for (number, (method, template)) in operations.iter().enumerate() {
            assert_eq!(paths.insert(method, template, number), None, "{template}");
        }
        paths
    }

    #[test]
    fn a_literal_goes_before_a_parameter_and_a_dead_end_is_left_again() {
        let paths = paths(&[
            ("GET", "/v1/plates/{plate}"),
            ("GET", "/v1/plates/export"),
            ("GET", "/v1/{kind}/export/{part}"),
            ("POST", "/v1/plates"),
        ]);
        let found = |method, path: &str| {
            let found = paths.find(method, path)?;
            let id = found.last_parameter.map(|range| path[range].to_owned());
            Some((found.operation, id.unwrap_or_default()))
        };
        assert_eq!(found("GET", "/v1/plates/A1"), Some((0, "A1".to_owned())));
        assert_eq!(found("GET", "/v1/plates/export"), Some((1, String::new())));
        assert_eq!(
            found("GET", "/v1/plates/export/7"),
            Some((2, "7".to_owned()))
        );
        assert_eq!(found("POST", "/v1/plates/"), Some((3, String::new())));
        assert_eq!(found("DELETE", "/v1/plates"), None);
        assert_eq!(found("GET", "/v1"), None);
        assert_eq!(found("GET", &"/x".repeat(1_000)), None);
    }

    #[test]
    fn two_templates_of_the_same_calls_are_told() {
        let mut paths = Paths::new();
        assert_eq!(paths.insert("GET", "/v1/plates/{plate}", 0), None);
        assert_eq!(paths.insert("GET", "/v1/plates/{id}", 1), Some(0));
        assert_eq!(paths.insert("PUT", "/v1/plates/{id}", 2), None);
    }
}
