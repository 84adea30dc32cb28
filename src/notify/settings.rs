//! From the configuration to what the notifier works with; every mistake is told by its key.

use jiff::tz::TimeZone;
use lettre::Address;

use super::mail::Context;
use super::message::Sender;
use super::policy::{Hours, Limits, Reader};
use super::{NotifyError, RecipientKey};
use crate::alert::Kin;
use crate::config;
use crate::requirement::REQUIREMENTS;

const MINUTE: i64 = 60_000_000;
/// Alerts remembered a recipient: some 20 MB for ten recipients at the worst.
const REMEMBERED: usize = 20_000;

/// The checked settings.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) context: Context,
    pub(crate) sender: Sender,
    pub(crate) limits: Limits,
    pub(crate) readers: Vec<Reader>,
    /// Addresses, in the order of `readers`.
    pub(crate) addresses: Vec<Address>,
    /// Indices of those who get the daily mail.
    pub(crate) daily: Vec<usize>,
    /// Indices of those who are told of incidents with personal data.
    pub(crate) incidents: Vec<usize>,
    /// Indices of those who are told of alerts that nobody acknowledged.
    pub(crate) escalation: Vec<usize>,
    /// Local time of the daily mail.
    pub(crate) daily_at: Option<jiff::civil::Time>,
    /// Microseconds after which a letter that is put off is given up.
    pub(crate) give_up: i64,
}

impl Settings {
    /// Checks all settings but those of the transport.
    pub(crate) fn new(mail: &config::Mail) -> Result<Self, NotifyError> {
        let mut addresses = Vec::new();
        let mut readers: Vec<Reader> = Vec::new();
        let zone = context(mail)?.zone;
        let (mut daily, mut incidents, mut escalation) = (Vec::new(), Vec::new(), Vec::new());
        for (index, recipient) in mail.recipients.iter().enumerate() {
            let group = recipient.addresses.iter();
            let own = (!recipient.address.is_empty() || recipient.addresses.is_empty())
                .then_some(&recipient.address);
            for text in own.into_iter().chain(group) {
                let address: Address = text.parse().map_err(|error| {
                    setting(
                        "recipients",
                        format!("number {} is not an address ({error})", index + 1),
                        "write it bare, as `soc@example.org`",
                    )
                })?;
                let key = RecipientKey::of(text);
                if readers.iter().any(|reader| reader.key == key) {
                    return Err(setting(
                        "recipients",
                        format!("number {} is there already", index + 1),
                        "name every address once",
                    ));
                }
                let place = readers.len();
                addresses.push(address);
                readers.push(reader(recipient, key, &zone, index)?);
                for (wants, places) in [
                    (recipient.daily, &mut daily),
                    (recipient.incidents, &mut incidents),
                    (recipient.escalation, &mut escalation),
                ] {
                    if wants {
                        places.push(place);
                    }
                }
            }
        }
        Ok(Settings {
            context: context(mail)?,
            sender: Sender::new(&mail.from, &mail.domain, &mail.name)?,
            limits: Limits {
                max_age: i64::from(mail.max_age_minutes) * MINUTE,
                hourly: mail.hourly_limit.clamp(1, 10_000) as usize,
                digest: i64::from(mail.digest_minutes) * MINUTE,
                remembered: REMEMBERED,
            },
            readers,
            addresses,
            daily,
            incidents,
            escalation,
            daily_at: daily_at(&mail.daily_at)?,
            give_up: i64::from(mail.give_up_hours) * 60 * MINUTE,
        })
    }
}

/// What one address gets, and when.
fn reader(
    recipient: &config::Recipient,
    key: RecipientKey,
    zone: &TimeZone,
    index: usize,
) -> Result<Reader, NotifyError> {
    let hours = |text: &str, name: &str| match text {
        "" => Ok(None),
        text => Hours::parse(text, zone).map(Some).ok_or_else(|| {
            setting(
                "recipients",
                format!("{name} of number {} are not hours: `{text}`", index + 1),
                "write them as `22:00-07:00`",
            )
        }),
    };
    let tags = recipient.requirements.iter().map(|id| {
        let known = REQUIREMENTS
            .iter()
            .find(|it| it.id.eq_ignore_ascii_case(id));
        known
            .map(|it| format!("requirement.{}", it.tag))
            .ok_or_else(|| {
                setting(
                    "recipients",
                    format!(
                        "number {} names the requirement `{id}`, which is none",
                        index + 1
                    ),
                    "they are as `SEC-07`; docs/compliance.md lists them",
                )
            })
    });
    Ok(Reader {
        key,
        locale: recipient.locale,
        minimum: recipient.minimum_level,
        families: recipient.families.clone(),
        integrations: recipient.integrations.clone(),
        tags: tags.collect::<Result<_, _>>()?,
        hours: hours(&recipient.hours, "hours")?,
        quiet: hours(&recipient.quiet, "quiet")?,
        hourly: recipient
            .hourly_limit
            .map(|limit| limit.clamp(1, 10_000) as usize),
    })
}

fn context(mail: &config::Mail) -> Result<Context, NotifyError> {
    let zone = TimeZone::get(&mail.time_zone).map_err(|error| {
        setting(
            "time_zone",
            format!("`{}`: {error}", mail.time_zone),
            "use an IANA name such as `Europe/Moscow`, and install the system's tzdata if it is missing",
        )
    })?;
    let url = &mail.console_url;
    if !(url.is_empty() || url.starts_with("https://") || url.starts_with("http://")) {
        return Err(setting(
            "console_url",
            "is neither http nor https".to_owned(),
            "write it as `https://watch.example.org`",
        ));
    }
    Ok(Context {
        kin: Kin::default(),
        closing: None,
        written: None,
        zone,
        name: mail.name.clone(),
        console_url: url.clone(),
        acknowledge: String::new(),
        events_table: mail.events_table.clone(),
    })
}

fn daily_at(text: &str) -> Result<Option<jiff::civil::Time>, NotifyError> {
    if text.is_empty() {
        return Ok(None);
    }
    jiff::civil::Time::strptime("%H:%M", text)
        .map(Some)
        .map_err(|error| {
            setting(
                "daily_at",
                format!("`{text}`: {error}"),
                "write it as `08:00`, or leave it empty for no daily mail",
            )
        })
}

fn setting(key: &'static str, problem: String, hint: &'static str) -> NotifyError {
    NotifyError::Setting { key, problem, hint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mail;

    fn error(change: impl FnOnce(&mut Mail)) -> String {
        let mut mail = Mail::default();
        change(&mut mail);
        Settings::new(&mail).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_settings_hold() {
        assert!(Settings::new(&Mail::default()).is_ok());
    }

    #[test]
    fn every_mistake_is_told_by_its_key() {
        assert!(
            error(|mail| mail.time_zone = "Mars/Olympus".to_owned())
                .starts_with("mail.time_zone: ")
        );
        assert!(
            error(|mail| mail.daily_at = "8 o'clock".to_owned()).starts_with("mail.daily_at: ")
        );
        assert!(
            error(|mail| mail.console_url = "javascript:alert(1)".to_owned())
                .starts_with("mail.console_url: ")
        );
        assert!(error(|mail| mail.from = String::new()).starts_with("mail.from: "));
        assert!(error(|mail| mail.domain = "a b".to_owned()).starts_with("mail.domain: "));
    }

    #[test]
    fn a_group_is_as_many_readers_and_hours_and_requirements_are_checked() {
        let recipients =
            |text: &str| -> Vec<config::Recipient> { serde_json::from_str(text).unwrap() };
        let mail = Mail {
            recipients: recipients(
                r#"[{"addresses": ["a@example.org", "b@example.org"], "requirements": ["sec-07"], "quiet": "22:00-07:00", "daily": false, "hourly_limit": 5},
                    {"address": "c@example.org", "escalation": true}]"#,
            ),
            ..Mail::default()
        };
        let settings = Settings::new(&mail).unwrap();
        assert_eq!(settings.readers.len(), 3);
        assert_eq!(settings.readers[1].tags, ["requirement.sec-07"]);
        assert_eq!(settings.readers[1].hourly, Some(5));
        assert!(settings.readers[1].quiet.is_some());
        assert_eq!((settings.daily, settings.escalation), (vec![2], vec![2]));
        for (text, told) in [
            (
                r#"[{"address": "a@example.org", "hours": "9-18"}]"#,
                "hours of number 1",
            ),
            (
                r#"[{"address": "a@example.org", "requirements": ["SEC-99"]}]"#,
                "SEC-99",
            ),
            (r"[{}]", "number 1 is not an address"),
        ] {
            let text = error(|mail| mail.recipients = recipients(text));
            assert!(text.contains(told), "{text}");
        }
    }

    #[test]
    fn a_wrong_or_doubled_recipient_is_told_by_number_and_not_by_name() {
        let recipients = r#"[{"address": "soc@example.org"}, {"address": "SOC@example.org"}]"#;
        let recipients: Vec<config::Recipient> = serde_json::from_str(recipients).unwrap();
        let told = error(|mail| mail.recipients = recipients);
        assert_eq!(
            told,
            "mail.recipients: number 2 is there already; name every address once"
        );
    }
}
