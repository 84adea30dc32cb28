//! Reading what `/metrics` says: Prometheus' text format, as much of it as counters and gauges need.

/// The samples of one answer.
pub struct Metrics<'a>(Vec<(&'a str, f64)>);

impl<'a> Metrics<'a> {
    /// Reads `name{labels} value` lines and passes over all others.
    pub fn parse(text: &'a str) -> Self {
        let sample = |line: &'a str| {
            let (series, value) = line.rsplit_once(' ')?;
            let name = series.split('{').next()?;
            Some((name, value.parse().ok()?))
        };
        Self(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(sample)
                .collect(),
        )
    }

    /// The sum over all label values, as a count.
    pub fn sum(&self, name: &str) -> u64 {
        whole(self.values(name).sum())
    }

    /// The largest over all label values, as a count.
    pub fn largest(&self, name: &str) -> u64 {
        whole(self.values(name).fold(0.0, f64::max))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = f64> {
        self.0
            .iter()
            .filter(move |sample| sample.0 == name)
            .map(|sample| sample.1)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is meant"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
