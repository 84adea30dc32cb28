//! What every page has around it: navigation, the reader's language and zone, the signature of its forms.

use jiff::tz::TimeZone;

use super::reader::Reader;
use super::shared::Shared;
use crate::access::{Permission, Role};
use crate::config::Locale;
use crate::event::Timestamp;
use crate::notify::mail::{Clean, words};
use crate::sigma::Level;
use crate::track::EntityKind;
use crate::triage::{State, Verdict};

/// What templates ask of the frame around them.
pub(super) struct Page {
    locale: Locale,
    zone: TimeZone,
    reader: Option<(String, Role)>,
    permissions: Vec<Permission>,
    /// Goes into every form.
    pub(super) signature: String,
    /// Name of the installation.
    pub(super) installation: Clean,
    /// Which of the places it belongs to.
    pub(super) place: &'static str,
    /// Path and query of this page.
    pub(super) asked: String,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "templates hand fields over by reference"
)]
impl Page {
    pub(super) fn new(shared: &Shared, reader: &Reader, place: &'static str) -> Page {
        let visitor = reader.visitor.as_ref();
        let permissions = Permission::ALL.into_iter();
        Page {
            locale: reader.locale,
            zone: reader.zone.clone(),
            reader: visitor.map(|it| (it.account.name.clone(), it.account.role)),
            permissions: permissions.filter(|it| reader.may(*it)).collect(),
            signature: visitor.map_or_else(String::new, |visitor| {
                shared.vault.sign("form", &[&visitor.session.id])
            }),
            installation: Clean::of(&shared.config.mail.name, 40),
            place,
            asked: reader.asked.clone(),
        }
    }

    pub(super) fn locale(&self) -> Locale {
        self.locale
    }

    /// The text of the reader's language.
    pub(super) fn say(&self, russian: &'static str, english: &'static str) -> &'static str {
        words::pick(self.locale, russian, english)
    }

    pub(super) fn language(&self) -> &'static str {
        self.say("ru", "en")
    }

    /// Name of who reads.
    pub(super) fn reader(&self) -> Option<&str> {
        self.reader.as_ref().map(|(name, _)| name.as_str())
    }

    /// Their role, in words.
    pub(super) fn role(&self) -> &'static str {
        self.reader
            .as_ref()
            .map_or("", |(_, role)| self.role_name(*role))
    }

    pub(super) fn role_name(&self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.say("наблюдатель", "viewer"),
            Role::Analyst => self.say("аналитик", "analyst"),
            Role::Responder => self.say("реагирование", "responder"),
            Role::RuleAuthor => self.say("автор правил", "rule author"),
            Role::DataProtectionOfficer => self.say("защита данных", "data protection officer"),
            Role::Administrator => self.say("администратор", "administrator"),
        }
    }

    fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    pub(super) fn views(&self) -> bool {
        self.may(Permission::View)
    }

    pub(super) fn searches(&self) -> bool {
        self.may(Permission::Search)
    }

    pub(super) fn triages(&self) -> bool {
        self.may(Permission::Triage)
    }

    pub(super) fn decides(&self) -> bool {
        self.may(Permission::Decide)
    }

    pub(super) fn authors(&self) -> bool {
        self.may(Permission::Rules)
    }

    pub(super) fn reveals(&self) -> bool {
        self.may(Permission::Reveal)
    }

    pub(super) fn audits(&self) -> bool {
        self.may(Permission::Audit)
    }

    pub(super) fn administers(&self) -> bool {
        self.may(Permission::Administer)
    }

    /// A number with its thousands apart.
    pub(super) fn number(&self, number: &u64) -> Clean {
        words::grouped(self.locale, *number)
    }

    /// A share or another number that need not be whole.
    pub(super) fn amount(&self, number: &f64) -> Clean {
        words::amount(self.locale, *number)
    }

    /// So many events.
    pub(super) fn events(&self, number: &u64) -> Clean {
        words::counted(self.locale, *number, &words::EVENTS)
    }

    /// So many alerts.
    pub(super) fn alerts(&self, number: &u64) -> Clean {
        words::counted(self.locale, *number, &words::ALERTS)
    }

    /// A time in the reader's zone.
    pub(super) fn time(&self, time: &Timestamp) -> Clean {
        words::time(self.locale, &self.zone, *time)
    }

    /// The same without the year.
    pub(super) fn short_time(&self, time: &Timestamp) -> Clean {
        words::short_time(self.locale, &self.zone, *time)
    }

    /// How long ago.
    pub(super) fn span(&self, micros: &i64) -> Clean {
        words::span(self.locale, *micros)
    }

    /// The reader's zone.
    pub(super) fn zone(&self) -> Clean {
        words::zone_name(&self.zone, crate::notify::now())
    }

    pub(super) fn level(&self, level: &Level) -> &'static str {
        match level {
            Level::Informational => self.say("справка", "informational"),
            Level::Low => self.say("низкий", "low"),
            Level::Medium => self.say("средний", "medium"),
            Level::High => self.say("высокий", "high"),
            Level::Critical => self.say("критический", "critical"),
        }
    }

    pub(super) fn state(&self, state: &State) -> &'static str {
        match state {
            State::New => self.say("новое", "new"),
            State::Acknowledged => self.say("принято", "acknowledged"),
            State::InWork => self.say("в работе", "in work"),
            State::Closed(Verdict::True) => self.say("закрыто: верно", "closed: true"),
            State::Closed(Verdict::False) => self.say("закрыто: ложно", "closed: false"),
            State::Closed(Verdict::Harmless) => self.say("закрыто: безобидно", "closed: harmless"),
            State::Reopened => self.say("открыто снова", "reopened"),
        }
    }

    pub(super) fn entity(&self, kind: &EntityKind) -> Clean {
        words::entity(self.locale, *kind)
    }
}
