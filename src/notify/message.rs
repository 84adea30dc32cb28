//! From what a mail says to the bytes that travel: headers, parts, envelope (RFC 5322, RFC 2046).

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::mail::{Attached, Mail};
use super::{Key, NotifyError, Stage};
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

    /// The letter about `key`. The boundary of its parts comes from their content, so nothing inside can name it.
    pub(crate) fn compose(
        &self,
        mail: &Mail,
        key: Key,
        root: Option<Uuid>,
        to: &Address,
        now: Timestamp,
    ) -> Result<Letter, lettre::error::Error> {
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(mail.subject.clone())
            .date(system_time(now))
            .message_id(Some(key.message_id(&self.domain)));
        if let Some(references) = self.references(key, root) {
            if let Some(last) = references.last() {
                builder = builder.in_reply_to(last.clone());
            }
            builder = builder.references(references.join(" "));
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

    /// Message-IDs that a mail goes on from: the first mail of the alert that its own goes on from, the first of its own and the one before.
    fn references(&self, key: Key, root: Option<Uuid>) -> Option<Vec<String>> {
        let id = |key: Key| key.message_id(&self.domain);
        let opened = |subject| Key {
            subject,
            stage: Stage::Opened,
            ..key
        };
        let mut references: Vec<String> = root.map(|root| id(opened(root))).into_iter().collect();
        if let Stage::Grown(number) = key.stage {
            references.push(id(opened(key.subject)));
            if number > 1 {
                let stage = Stage::Grown(number - 1);
                references.push(id(Key { stage, ..key }));
            }
        }
        (!references.is_empty()).then_some(references)
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
    use crate::notify::RecipientKey;

    fn letter(subject: &str, stage: Stage) -> String {
        with_pictures(subject, stage, vec![])
    }

    fn with_pictures(subject: &str, stage: Stage, pictures: Vec<Attached>) -> String {
        whole(subject, stage, pictures, None)
    }

    fn whole(subject: &str, stage: Stage, pictures: Vec<Attached>, root: Option<Uuid>) -> String {
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
                root,
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
    fn a_mail_goes_on_from_those_of_the_first_alert_of_its_callers() {
        let root = Some(Uuid::from_u128(3));
        let of = |subject: u128, stage: &str| {
            let recipient = RecipientKey::of("soc@example.org");
            let id = Uuid::from_u128(subject);
            format!("<{id}.{stage}.{recipient}@example.org>")
        };
        let opened = whole("x", Stage::Opened, vec![], root).replace("\r\n ", " ");
        let begins = of(3, "opened");
        assert!(
            opened.contains(&format!("References: {begins}\r\n")),
            "{opened}"
        );
        assert!(
            opened.contains(&format!("In-Reply-To: {begins}\r\n")),
            "{opened}"
        );
        let grown = whole("x", Stage::Grown(1), vec![], root).replace("\r\n ", " ");
        let both = format!("References: {begins} {}\r\n", of(7, "opened"));
        assert!(grown.contains(&both), "{grown}");
    }

    #[test]
    fn a_follow_up_answers_the_mails_before() {
        let opened = letter("x", Stage::Opened);
        assert!(!opened.contains("In-Reply-To"));
        let grown = letter("x", Stage::Grown(2));
        let unfolded = grown.replace("\r\n ", " ");
        let of = |stage: &str| {
            format!(
                "<00000000-0000-0000-0000-000000000007.{stage}.{}@example.org>",
                RecipientKey::of("soc@example.org")
            )
        };
        assert!(
            unfolded.contains(&format!("Message-ID: {}", of("grown-2"))),
            "{unfolded}"
        );
        assert!(
            unfolded.contains(&format!("In-Reply-To: {}", of("grown-1"))),
            "{unfolded}"
        );
        assert!(
            unfolded.contains(&format!("References: {} {}", of("opened"), of("grown-1"))),
            "{unfolded}"
        );
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
