//! Who calls the gateway: one class a kind of caller, with its habits.

use super::operation::{self, Operation};

/// When a class is busy: relative weights of the hours of a local day. The average need not be 1.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) workday: [f64; 24],
    pub(crate) weekend: [f64; 24],
    /// The class calls only in the first `active` minutes of each `period` minutes; 0 for all the time.
    pub(crate) period: u32,
    pub(crate) active: u32,
}

/// A kind of caller.
#[derive(Debug)]
pub(crate) struct Class {
    /// Client ids are `PREFIX-NNNN`, or the prefix alone for a class of one.
    pub(crate) prefix: &'static str,
    /// The contract that the calls belong to.
    pub(crate) integration: &'static str,
    /// Clients in each residential complex.
    pub(crate) per_complex: u32,
    /// Clients besides, however many complexes there are.
    pub(crate) fixed: u32,
    /// Requests of one client in an average minute.
    pub(crate) rate: f64,
    /// How far the class follows bursts and lulls: an exponent, 0 for a clock.
    pub(crate) bursty: f32,
    /// How unlike its clients are: standard deviation of the logarithm of their rates.
    pub(crate) unlike: f32,
    /// One request in so many, per cent, is by one of those who called just before: people come for a while and go.
    pub(crate) lingers: u32,
    pub(crate) profile: &'static Profile,
    pub(crate) operations: &'static [Operation],
    pub(crate) agents: &'static [&'static str],
    /// First two octets of the clients' addresses; `None` for addresses of `2001:db8::/32`.
    pub(crate) network: Option<(u8, u8)>,
    pub(crate) country: Option<&'static str>,
    pub(crate) roles: &'static [&'static str],
    pub(crate) scopes: &'static [&'static str],
    pub(crate) grant: &'static str,
    pub(crate) algorithm: &'static str,
    pub(crate) token_life_s: u32,
    /// People (or services) who share a client of the class.
    pub(crate) subjects: u32,
    pub(crate) mfa: Option<&'static str>,
    /// The client is a device: it says which, and its tokens are opaque.
    pub(crate) device: bool,
    /// Its calls go out to a partner.
    pub(crate) outbound: bool,
}

static RESIDENTS: Profile = Profile {
    workday: [
        0.3, 0.2, 0.1, 0.1, 0.15, 0.3, 0.8, 1.6, 2.0, 1.4, 1.0, 0.9, 1.0, 1.0, 0.9, 1.0, 1.2, 1.6,
        2.2, 2.3, 1.9, 1.5, 1.0, 0.6,
    ],
    weekend: [
        0.5, 0.4, 0.3, 0.2, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2, 1.5, 1.6, 1.6, 1.5, 1.4, 1.4, 1.4, 1.5,
        1.6, 1.6, 1.5, 1.3, 1.0, 0.7,
    ],
    period: 0,
    active: 0,
};

static DOORS: Profile = Profile {
    workday: [
        0.4, 0.3, 0.2, 0.2, 0.2, 0.4, 1.0, 1.9, 2.1, 1.3, 0.9, 0.8, 0.9, 0.9, 0.9, 1.0, 1.3, 1.8,
        2.1, 1.9, 1.5, 1.1, 0.8, 0.6,
    ],
    weekend: [
        0.6, 0.5, 0.4, 0.3, 0.3, 0.3, 0.4, 0.6, 0.9, 1.1, 1.3, 1.4, 1.4, 1.3, 1.2, 1.2, 1.2, 1.3,
        1.4, 1.4, 1.2, 1.0, 0.8, 0.7,
    ],
    period: 0,
    active: 0,
};

static OFFICE: Profile = Profile {
    workday: [
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 1.2, 2.2, 2.6, 2.4, 1.8, 1.6, 2.2, 2.4, 2.2, 1.8,
        1.0, 0.6, 0.4, 0.2, 0.0, 0.0,
    ],
    weekend: [
        0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.4, 0.7, 0.8, 0.8, 0.7, 0.6, 0.6, 0.6, 0.5, 0.4,
        0.3, 0.2, 0.1, 0.0, 0.0, 0.0,
    ],
    period: 0,
    active: 0,
};

static ALWAYS: Profile = Profile {
    workday: [1.0; 24],
    weekend: [1.0; 24],
    period: 0,
    active: 0,
};

static SCHEDULED: Profile = Profile {
    workday: [1.0; 24],
    weekend: [1.0; 24],
    period: 15,
    active: 2,
};

/// What most classes have in common.
pub(crate) const SERVICE: Class = Class {
    prefix: "",
    integration: "",
    per_complex: 0,
    fixed: 0,
    rate: 0.0,
    bursty: 0.6,
    unlike: 0.0,
    lingers: 0,
    profile: &ALWAYS,
    operations: &[],
    agents: &[],
    network: None,
    country: None,
    roles: &[],
    scopes: &[],
    grant: "client_credentials",
    algorithm: "ES256",
    token_life_s: 600,
    subjects: 1,
    mfa: None,
    device: false,
    outbound: false,
};

/// Whoever is not of the population: no role, no contract.
pub(crate) static STRANGER: Class = Class {
    agents: &["curl/8.11.1"],
    roles: &["unknown"],
    grant: "password",
    ..SERVICE
};

/// Every class. Clients are numbered class by class, in this order.
pub(crate) static CLASSES: &[Class] = &[
    Class {
        prefix: "barrier",
        integration: "barriers",
        per_complex: 2,
        rate: 3.0,
        profile: &DOORS,
        bursty: 0.5,
        unlike: 0.5,
        lingers: 20,
        operations: operation::BARRIER,
        agents: &["BarrierController/3.4.1", "BarrierController/3.3.9"],
        network: Some((10, 20)),
        roles: &["device"],
        scopes: &["plates.check", "passages.write"],
        device: true,
        ..SERVICE
    },
    Class {
        prefix: "terminal",
        integration: "faces",
        per_complex: 2,
        rate: 2.0,
        profile: &DOORS,
        bursty: 0.5,
        unlike: 0.5,
        lingers: 20,
        operations: operation::TERMINAL,
        agents: &["FaceTerminal/2.11"],
        network: Some((10, 21)),
        roles: &["device"],
        scopes: &["faces.verify"],
        device: true,
        ..SERVICE
    },
    Class {
        prefix: "desk",
        integration: "concierge",
        per_complex: 1,
        rate: 0.5,
        profile: &OFFICE,
        bursty: 0.8,
        unlike: 0.4,
        lingers: 40,
        operations: operation::DESK,
        agents: &[
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        ],
        network: Some((10, 30)),
        roles: &["concierge"],
        scopes: &["residents.read", "passes.write"],
        grant: "authorization_code",
        subjects: 3,
        ..SERVICE
    },
    Class {
        prefix: "app",
        integration: "resident-app",
        per_complex: 40,
        rate: 0.04,
        profile: &RESIDENTS,
        bursty: 0.8,
        unlike: 0.7,
        lingers: 50,
        operations: operation::APP,
        agents: &[
            "PropHome/5.8.1 (Android 15)",
            "PropHome/5.8.0 (iOS 18.2)",
            "PropHome/5.7.4 (Android 13)",
        ],
        country: Some("RU"),
        roles: &["resident"],
        scopes: &["passes", "gates.open"],
        grant: "authorization_code",
        token_life_s: 900,
        ..SERVICE
    },
    Class {
        prefix: "barrier-operator",
        integration: "barrier-operator",
        fixed: 1,
        rate: 3.0,
        operations: operation::BARRIER_OPERATOR,
        agents: &["okhttp/4.12.0"],
        network: Some((198, 18)),
        country: Some("RU"),
        roles: &["partner"],
        scopes: &["plates.sync", "events.write"],
        ..SERVICE
    },
    Class {
        prefix: "face-recognition",
        integration: "face-recognition",
        fixed: 1,
        rate: 2.0,
        operations: operation::FACE_RECOGNITION,
        agents: &["python-httpx/0.28.1"],
        network: Some((198, 19)),
        country: Some("RU"),
        roles: &["partner"],
        scopes: &["templates.sync", "events.write"],
        ..SERVICE
    },
    Class {
        prefix: "tenant-sync",
        integration: "tenant-sync",
        fixed: 1,
        rate: 1.0,
        profile: &SCHEDULED,
        bursty: 0.0,
        operations: operation::TENANT_SYNC,
        agents: &["tenant-sync/1.9.2"],
        network: Some((10, 40)),
        roles: &["sync"],
        scopes: &["residents.sync"],
        ..SERVICE
    },
    Class {
        prefix: "event-relay",
        integration: "barrier-operator",
        fixed: 1,
        rate: 2.0,
        profile: &DOORS,
        operations: operation::EVENT_RELAY,
        agents: &["propdev-relay/2.0"],
        network: Some((10, 41)),
        roles: &["service"],
        scopes: &["events.write"],
        outbound: true,
        ..SERVICE
    },
    Class {
        prefix: "admin-console",
        integration: "administration",
        fixed: 2,
        rate: 0.3,
        profile: &OFFICE,
        bursty: 1.0,
        unlike: 0.4,
        lingers: 60,
        operations: operation::ADMIN,
        agents: &[
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
        ],
        network: Some((10, 50)),
        roles: &["admin"],
        scopes: &["integrations.admin"],
        grant: "authorization_code",
        subjects: 4,
        mfa: Some("totp"),
        ..SERVICE
    },
];
