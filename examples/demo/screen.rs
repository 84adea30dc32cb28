//! The live view: a line of figures that renews itself, with the alerts above it as they come.
//! Where nobody looks (no terminal) it is a plain line now and then.

use std::time::{Duration, Instant};

use gatewatch::alert::Alert;
use indicatif::{ProgressBar, ProgressStyle};

use crate::stage::Live;

/// How often a plain line is written.
const PLAIN: Duration = Duration::from_secs(10);

/// The rate is taken over so long.
const RATE_OVER: Duration = Duration::from_secs(3);

/// Where the live view is shown.
pub struct Screen {
    bar: ProgressBar,
    began: Instant,
    told: Instant,
    /// When and with how many records the rate was taken last.
    before: (Instant, u64),
    rate: u64,
}

impl Screen {
    /// An empty view.
    pub fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        let style = ProgressStyle::with_template("{spinner} {msg}").expect("the template is right");
        bar.set_style(style);
        let now = Instant::now();
        Self {
            bar,
            began: now,
            told: now,
            before: (now, 0),
            rate: 0,
        }
    }

    /// An alert came.
    pub fn alert(&self, alert: &Alert) {
        let level = format!("{:?}", alert.rule.level).to_lowercase();
        self.say(&format!(
            "  {} {level:<13} {} | {} | {} events",
            clock(alert.last.seconds()),
            plain(&alert.rule.title),
            plain(&alert.entity.value),
            alert.count
        ));
    }

    /// The figures of this moment.
    pub fn live(&mut self, live: &Live, alerts: usize) {
        let records = live.stored + live.dead_lettered;
        let passed = self.before.0.elapsed();
        if passed > RATE_OVER {
            self.rate = (records - self.before.1.min(records)) * 1000
                / u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
            self.before = (Instant::now(), records);
        }
        let text = format!(
            "{} s, event time {} | {} events/s | stored {} | dead-lettered {} | lag {} | alerts {alerts} | mails {}",
            self.began.elapsed().as_secs(),
            clock(i64::try_from(live.watermark).unwrap_or_default()),
            self.rate,
            live.stored,
            live.dead_lettered,
            live.lag,
            live.mails
        );
        if self.bar.is_hidden() {
            if self.told.elapsed() > PLAIN {
                self.told = Instant::now();
                println!("{text}");
            }
        } else {
            self.bar.set_message(text);
            self.bar.tick();
        }
    }

    /// Takes the live line away.
    pub fn close(&self) {
        self.bar.finish_and_clear();
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            println!("{line}");
        } else {
            self.bar.println(line);
        }
    }
}

/// Day and time of a second since 1970, UTC.
fn clock(second: i64) -> String {
    match jiff::Timestamp::from_second(second) {
        Ok(time) if second > 0 => time.strftime("%d %b %H:%M").to_string(),
        _ => "--".to_owned(),
    }
}

/// A text out of a log as a terminal may safely show it: no control characters, none that turn the direction.
pub fn plain(text: &str) -> String {
    let hostile = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars()
        .map(|c| if hostile(c) { '\u{fffd}' } else { c })
        .collect()
}
