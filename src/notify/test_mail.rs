//! The mail of `check --send-test-mail`.

use uuid::Uuid;

use super::mail::render_test;
use super::policy::NAMESPACE;
use super::service::now;
use super::settings::Settings;
use super::transport::Transport;
use super::{Key, NotifyError, Stage};
use crate::config;

/// Sends a mail to every recipient; gives how many the server took. The transport is the one that alerts use.
///
/// # Errors
/// For settings that cannot work, and the first mail that the server does not take.
pub async fn send_test_mail(mail: &config::Mail) -> Result<usize, NotifyError> {
    let settings = Settings::new(mail)?;
    if settings.readers.is_empty() {
        return Err(NotifyError::Setting {
            key: "recipients",
            problem: "nobody gets mail".to_owned(),
            hint: "add one, as `[[mail.recipients]] address = \"soc@example.org\"`",
        });
    }
    let transport = Transport::new(&mail.directory, &mail.smtp)?;
    for (reader, to) in settings.readers.iter().zip(&settings.addresses) {
        let now = now();
        let key = Key {
            subject: Uuid::new_v5(&NAMESPACE, format!("test {}", now.micros()).as_bytes()),
            stage: Stage::Test,
            recipient: reader.key,
        };
        let test = render_test(reader.locale, &settings.context);
        let letter = settings
            .sender
            .compose(&test, key, &[], to, now)
            .map_err(|error| NotifyError::Setting {
                key: "recipients",
                problem: format!("a mail cannot be composed ({error})"),
                hint: "check mail.from and the addresses",
            })?;
        transport.send(&letter).await?;
    }
    Ok(settings.readers.len())
}
