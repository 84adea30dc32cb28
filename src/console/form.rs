//! What a form sent.

use std::sync::Arc;

/// Most pairs of a form.
const MOST: usize = 2_000;

/// Names and values of a form, in its order. Whether the form is one of ours was seen to by the gate.
#[derive(Clone, Debug, Default)]
pub(super) struct Form(Arc<[(String, String)]>);

impl Form {
    /// Reads what a browser sends.
    pub(super) fn parse(body: &[u8]) -> Form {
        let pairs = form_urlencoded::parse(body).into_owned();
        Form(pairs.take(MOST).collect())
    }

    /// The value of a name, without white space around it; empty when it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// The value as it was typed: passwords.
    pub(super) fn exactly(&self, name: &str) -> &str {
        let mut pairs = self.0.iter();
        let found = pairs.find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a name.
    pub(super) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let pairs = self.0.iter().filter(move |(key, _)| key == name);
        pairs.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let form = Form::parse(b"id=a&id=b&text=+%D0%B4%D0%B0+&password=+x+");
        assert_eq!(form.get("text"), "да");
        assert_eq!(form.exactly("password"), " x ");
        assert_eq!(form.all("id").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(form.get("none"), "");
    }
}
