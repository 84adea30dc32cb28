//! What the callers ask for: operations with their sizes, times and fields.

/// How a resource is named in a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// No resource in the route.
    None,
    /// One of the residents of the caller's complex.
    Resident,
    /// A number that belongs to the caller alone.
    Own,
    /// A pass, template or plate entry; a new one each time.
    Uuid,
}

/// What is special about an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Nothing.
    Plain,
    /// Its query asks for a page.
    Paged,
    /// Its query asks for what has changed since.
    Since,
    /// A plate or face is recognised.
    Recognition,
    /// It is a webhook delivery.
    Webhook,
    /// It gets or renews a token, so it carries none.
    TokenEndpoint,
}

/// One operation of a class.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    /// How often it is called, relative to the others of its class.
    pub(crate) weight: u32,
    pub(crate) method: &'static str,
    pub(crate) route: &'static str,
    pub(crate) naming: Naming,
    pub(crate) resource_type: Option<&'static str>,
    pub(crate) habit: Habit,
    /// Bytes of an average request and answer.
    pub(crate) request_bytes: u32,
    pub(crate) response_bytes: u32,
    /// Microseconds of a typical exchange.
    pub(crate) typical_us: u32,
    /// Most records that an answer carries; 0 when it is not about records.
    pub(crate) records: u32,
    pub(crate) fields_sent: &'static [&'static str],
    pub(crate) fields_received: &'static [&'static str],
}

/// A plain reading call, the base of the others.
pub(crate) const READ: Operation = Operation {
    weight: 1,
    method: "GET",
    route: "/",
    naming: Naming::None,
    resource_type: None,
    habit: Habit::Plain,
    request_bytes: 420,
    response_bytes: 900,
    typical_us: 14_000,
    records: 0,
    fields_sent: &[],
    fields_received: &[],
};

/// A plain writing call.
pub(crate) const WRITE: Operation = Operation {
    method: "POST",
    request_bytes: 780,
    response_bytes: 260,
    typical_us: 26_000,
    ..READ
};

/// Getting or renewing an access token.
pub(crate) const TOKEN: Operation = Operation {
    route: "/oauth/token",
    habit: Habit::TokenEndpoint,
    request_bytes: 610,
    response_bytes: 1_250,
    typical_us: 31_000,
    ..WRITE
};

/// A car stands before a barrier.
pub(crate) const BARRIER: &[Operation] = &[
    Operation {
        weight: 60,
        route: "/v1/plates/check",
        habit: Habit::Recognition,
        fields_sent: &["plate", "lane"],
        ..WRITE
    },
    Operation {
        weight: 30,
        route: "/v1/passages",
        resource_type: Some("passage"),
        fields_sent: &["lane", "direction"],
        ..WRITE
    },
    Operation {
        weight: 7,
        route: "/v1/barriers/{id}/config",
        naming: Naming::Own,
        resource_type: Some("barrier"),
        ..READ
    },
    Operation { weight: 3, ..TOKEN },
];

/// A face stands before a terminal.
pub(crate) const TERMINAL: &[Operation] = &[
    Operation {
        weight: 85,
        route: "/v1/faces/verify",
        habit: Habit::Recognition,
        request_bytes: 48_000,
        typical_us: 180_000,
        fields_sent: &["frame"],
        ..WRITE
    },
    Operation {
        weight: 12,
        route: "/v1/terminals/{id}/heartbeat",
        naming: Naming::Own,
        resource_type: Some("terminal"),
        ..WRITE
    },
    Operation { weight: 3, ..TOKEN },
];

/// A concierge at the desk.
pub(crate) const DESK: &[Operation] = &[
    Operation {
        weight: 35,
        route: "/v1/residents/{id}",
        naming: Naming::Resident,
        resource_type: Some("resident"),
        records: 1,
        fields_received: &["name", "flat"],
        ..READ
    },
    Operation {
        weight: 25,
        route: "/v1/residents",
        habit: Habit::Paged,
        response_bytes: 9_400,
        records: 20,
        fields_received: &["name", "flat"],
        ..READ
    },
    Operation {
        weight: 25,
        route: "/v1/passes",
        resource_type: Some("pass"),
        fields_sent: &["resident", "until"],
        ..WRITE
    },
    Operation {
        weight: 8,
        method: "DELETE",
        route: "/v1/passes/{id}",
        naming: Naming::Uuid,
        resource_type: Some("pass"),
        ..WRITE
    },
    Operation { weight: 7, ..TOKEN },
];

/// A resident with a telephone.
pub(crate) const APP: &[Operation] = &[
    Operation {
        weight: 30,
        route: "/v1/gates/{id}/open",
        naming: Naming::Own,
        resource_type: Some("gate"),
        ..WRITE
    },
    Operation {
        weight: 30,
        route: "/v1/me/passes",
        response_bytes: 2_100,
        records: 4,
        fields_received: &["pass", "until"],
        ..READ
    },
    Operation {
        weight: 12,
        route: "/v1/cameras/{id}/snapshot",
        naming: Naming::Own,
        resource_type: Some("camera"),
        response_bytes: 86_000,
        typical_us: 95_000,
        ..READ
    },
    Operation {
        weight: 12,
        route: "/v1/passes/{id}",
        naming: Naming::Uuid,
        resource_type: Some("pass"),
        records: 1,
        ..READ
    },
    Operation {
        weight: 6,
        route: "/v1/passes",
        resource_type: Some("pass"),
        fields_sent: &["guest", "until"],
        ..WRITE
    },
    Operation {
        weight: 10,
        ..TOKEN
    },
];

/// The partner that runs the barriers.
pub(crate) const BARRIER_OPERATOR: &[Operation] = &[
    Operation {
        weight: 40,
        route: "/v1/plates",
        habit: Habit::Since,
        response_bytes: 14_000,
        records: 50,
        fields_received: &["plate", "until"],
        ..READ
    },
    Operation {
        weight: 55,
        route: "/v1/webhooks/passages",
        habit: Habit::Webhook,
        fields_sent: &["lane", "result"],
        ..WRITE
    },
    Operation { weight: 5, ..TOKEN },
];

/// The partner that recognises faces.
pub(crate) const FACE_RECOGNITION: &[Operation] = &[
    Operation {
        weight: 30,
        route: "/v1/templates",
        habit: Habit::Since,
        response_bytes: 64_000,
        typical_us: 60_000,
        records: 25,
        fields_received: &["template", "consent"],
        ..READ
    },
    Operation {
        weight: 65,
        route: "/v1/webhooks/faces",
        habit: Habit::Webhook,
        fields_sent: &["result", "score"],
        ..WRITE
    },
    Operation { weight: 5, ..TOKEN },
];

/// Synchronisation with tenant-core-db, on schedule.
pub(crate) const TENANT_SYNC: &[Operation] = &[
    Operation {
        weight: 80,
        route: "/v1/sync/residents",
        habit: Habit::Since,
        response_bytes: 118_000,
        typical_us: 210_000,
        records: 200,
        fields_received: &["flat", "status"],
        ..READ
    },
    Operation {
        weight: 15,
        route: "/v1/sync/runs",
        fields_sent: &["count", "checksum"],
        ..WRITE
    },
    Operation { weight: 5, ..TOKEN },
];

/// Webhooks that go out to the partner.
pub(crate) const EVENT_RELAY: &[Operation] = &[Operation {
    route: "/hooks/propdevelopment",
    habit: Habit::Webhook,
    typical_us: 70_000,
    fields_sent: &["event", "plate"],
    ..WRITE
}];

/// Those who run the integrations.
pub(crate) const ADMIN: &[Operation] = &[
    Operation {
        weight: 70,
        route: "/v1/admin/integrations",
        habit: Habit::Paged,
        response_bytes: 6_200,
        records: 20,
        ..READ
    },
    Operation {
        weight: 15,
        method: "PUT",
        route: "/v1/admin/integrations/{id}",
        naming: Naming::Own,
        resource_type: Some("integration"),
        ..WRITE
    },
    Operation {
        weight: 5,
        route: "/v1/admin/keys",
        ..WRITE
    },
    Operation {
        weight: 10,
        ..TOKEN
    },
];
