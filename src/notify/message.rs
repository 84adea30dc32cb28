//! From what a mail says to the bytes that travel: headers, parts, envelope (RFC 5322, RFC 2046).

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::mail::{Attached, Mail};
use super::{Key, NotifyError};
use crate::event::Timestamp;

/// Who the mails are from.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    from: Mailbox,
    domain: String,
    list: String,
}

/// A mail as it travels. A retry sends the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// What it is; its text form names the file of the file transport.
    pub(crate) key: Key,
    /// Sender and recipient for the server.
    pub(crate) envelope: Envelope,
    /// Headers and body.
    pub(crate) bytes: Vec<u8>,
}

impl Sender {
    /// `from` is a mailbox; an empty `domain` stands for its domain.
    pub(crate) fn new(from: &str, domain: &str, name: &str) -> Result<Self, NotifyError> {
        let from: Mailbox = from.parse().map_err(|error| NotifyError::Setting {
            key: "from",
            problem: format!("`{from}` is not a mailbox ({error})"),
            hint: "write it as `gatewatch <gatewatch@example.org>`",
        })?;
        let domain = if domain.is_empty() {
            from.email.domain().to_owned()
        } else {
            domain.to_owned()
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        if !domain.chars().all(plain) {
            return Err(NotifyError::Setting {
                key: "domain",
                problem: format!("`{domain}` is not a host name"),
                hint: "use letters, digits, dots and hyphens; write names in other scripts as punycode",
            });
        }
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let list = format!("{name} alerts <alerts.{domain}>")
            .trim_start()
            .to_owned();
        Ok(Sender { from, domain, list })
    }

    /// The letter about `key`, which goes on from those that it `answers`, the one before last. The boundary of its parts comes from their content, so nothing inside can
    /// name it.
    pub(crate) fn compose(
        &self,
        mail: &Mail,
        key: Key,
        answers: &[Key],
        to: &Address,
        now: Timestamp,
    ) -> Result<Letter, lettre::error::Error> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(mail.subject.clone())
            .date(system_time(now))
            .message_id(Some(key.message_id(&self.domain)));
        let answers: Vec<String> = answers
            .iter()
            .map(|key| key.message_id(&self.domain))
            .collect();
        if let Some(last) = answers.last() {
            builder = builder
                .in_reply_to(last.clone())
                .references(answers.join(" "));
        }
        for (name, value) in self.headers(key) {
            builder = builder.raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str(name),
                value,
            ));
        }
        let message = builder.multipart(parts(mail))?;
        Ok(Letter {
            key,
            envelope: message.envelope().clone(),
            bytes: message.formatted(),
        })
    }

    /// What marks the mail as a machine's (RFC 3834), as one of a list (RFC 2919), and ours.
    fn headers(&self, key: Key) -> [(&'static str, String); 6] {
        [
            ("List-Id", self.list.clone()),
            ("Auto-Submitted", "auto-generated".to_owned()),
            ("X-Auto-Response-Suppress", "All".to_owned()),
            ("Precedence", "list".to_owned()),
            ("X-Gatewatch-Alert", key.subject.to_string()),
            ("X-Gatewatch-Stage", key.stage.to_string()),
        ]
    }
}

/// Text and HTML; with pictures, the HTML part is one with what it shows (RFC 2387).
fn parts(mail: &Mail) -> MultiPart {
    let html = SinglePart::html(mail.html.clone());
    let parts = MultiPart::alternative()
        .boundary(boundary("gatewatch", mail))
        .singlepart(SinglePart::plain(mail.text.clone()));
    if mail.pictures.is_empty() {
        return parts.singlepart(html);
    }
    // No boundary may be the beginning of another.
    let related = MultiPart::related().boundary(boundary("related", mail));
    let related = mail
        .pictures
        .iter()
        .fold(related.singlepart(html), |related, picture| {
            related.singlepart(inline(picture))
        });
    parts.multipart(related)
}

/// A picture, by the id by which the HTML part names it.
fn inline(picture: &Attached) -> SinglePart {
    let png = ContentType::parse("image/png").expect("it is a content type");
    Attachment::new_inline_with_name(picture.content_id.clone(), "course.png".to_owned())
        .body(picture.png.clone(), png)
}

/// Comes from what the parts hold, so nothing inside can name it.
fn boundary(begin: &str, mail: &Mail) -> String {
    let mut digest = Sha256::new()
        .chain_update(mail.text.as_bytes())
        .chain_update(mail.html.as_bytes());
    for picture in &mail.pictures {
        digest.update(&picture.png);
    }
    let digest = digest.finalize();
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    format!("{begin}-{:032x}", u128::from_be_bytes(first))
}

fn system_time(time: Timestamp) -> SystemTime {
    let micros = u64::try_from(time.micros()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::notify::{RecipientKey, Stage};

    fn letter(subject: &str, stage: Stage) -> String {
        with_pictures(subject, stage, vec![])
    }

    fn with_pictures(subject: &str, stage: Stage, pictures: Vec<Attached>) -> String {
        whole(subject, stage, pictures, &[])
    }

    fn whole(subject: &str, stage: Stage, pictures: Vec<Attached>, answers: &[Key]) -> String {
        let sender = Sender::new("Ворота <gatewatch@example.org>", "", "PropDev 1").unwrap();
        let mail = Mail {
            subject: subject.to_owned(),
            text: "текст\n".to_owned(),
            html: "<p>текст</p>".to_owned(),
            pictures,
        };
        let key = Key {
            subject: Uuid::from_u128(7),
            stage,
            recipient: RecipientKey::of("soc@example.org"),
        };
        let to = "soc@example.org".parse().unwrap();
        let letter = sender
            .compose(
                &mail,
                key,
                answers,
                &to,
                Timestamp::from_seconds(1_772_359_200),
            )
            .unwrap();
        String::from_utf8(letter.bytes).unwrap()
    }

    #[test]
    fn the_same_mail_is_the_same_bytes() {
        assert_eq!(letter("x", Stage::Opened), letter("x", Stage::Opened));
    }

    #[test]
    fn a_picture_travels_beside_the_html_part_that_names_it() {
        let picture = Attached {
            content_id: "0123@gatewatch".to_owned(),
            png: b"\x89PNG\r\n\x1a\n".to_vec(),
        };
        let with = || with_pictures("x", Stage::Opened, vec![picture.clone()]);
        let mail = with();
        assert_eq!(mail, with(), "the same bytes");
        let order = [
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain",
            "Content-Type: multipart/related;",
            "Content-Type: text/html",
            "Content-ID: <0123@gatewatch>",
            "Content-Disposition: inline; filename=\"course.png\"",
            "Content-Type: image/png",
            "iVBORw0KGgo=",
        ];
        let found: Vec<_> = order.iter().map(|part| mail.find(part)).collect();
        assert!(found.iter().all(Option::is_some), "{found:?} in {mail}");
        assert!(found.is_sorted(), "{found:?} in {mail}");
        let boundaries: Vec<&str> = mail
            .split("boundary=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        assert_eq!(boundaries.len(), 2, "{mail}");
        assert!(!boundaries[1].starts_with(boundaries[0]));
        assert!(!letter("x", Stage::Opened).contains("related"));
    }

    #[test]
    fn a_follow_up_answers_the_mails_before() {
        let opened = letter("x", Stage::Opened);
        assert!(!opened.contains("In-Reply-To") && !opened.contains("References"));
        let key = |subject: u128, stage: Stage| Key {
            subject: Uuid::from_u128(subject),
            stage,
            recipient: RecipientKey::of("soc@example.org"),
        };
        let answers = [
            key(3, Stage::Opened),
            key(7, Stage::Opened),
            key(7, Stage::Grown(1)),
        ];
        let grown = whole("x", Stage::Grown(2), vec![], &answers);
        let unfolded = grown.replace("\r\n ", " ");
        let [root, opened, before] = answers.map(|key| key.message_id("example.org"));
        let own = key(7, Stage::Grown(2)).message_id("example.org");
        for header in [
            format!("Message-ID: {own}\r\n"),
            format!("In-Reply-To: {before}\r\n"),
            format!("References: {root} {opened} {before}\r\n"),
        ] {
            assert!(unfolded.contains(&header), "{header} in {unfolded}");
        }
    }

    #[test]
    fn a_machine_sees_that_a_machine_wrote_it() {
        let opened = letter("x", Stage::Opened);
        for header in [
            "List-Id: PropDev1 alerts <alerts.example.org>",
            "Auto-Submitted: auto-generated",
            "Precedence: list",
            "X-Gatewatch-Alert: 00000000-0000-0000-0000-000000000007",
        ] {
            assert!(opened.contains(header), "{header} in {opened}");
        }
    }

    #[test]
    fn a_subject_cannot_add_a_header() {
        // The renderer never lets a line break through; this holds even if it did.
        let letter = letter("x\r\nBcc: victim@example.org", Stage::Opened);
        assert!(
            !letter.lines().any(|line| line.starts_with("Bcc:")),
            "{letter}"
        );
    }

    #[test]
    fn a_sender_that_is_none_is_told_with_a_hint() {
        let error = Sender::new("nobody", "", "x").unwrap_err().to_string();
        assert!(
            error.starts_with("mail.from: ") && error.contains("write it as"),
            "{error}"
        );
    }
}
