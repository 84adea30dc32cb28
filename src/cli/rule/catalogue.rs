//! What the tags of rules stand for, and how many rules carry each.

use serde::Serialize;

use crate::contract::GENERATED_TAGS;
use crate::requirement::{REQUIREMENTS, Requirement};
use crate::sigma::RuleSet;
use crate::sigma::lint::tags::{OWASP_API, technique};
use crate::simulate::{Difficulty, Scenario};

/// Techniques of ATT&CK for enterprises (<https://attack.mitre.org/techniques/enterprise/>), and whether the request log of a
/// gateway can show them, so that a rule is to be expected.
const TECHNIQUES: &[(&str, &str, bool)] = &[
    ("T1020", "Automated Exfiltration", false),
    ("T1027", "Obfuscated Files or Information", false),
    ("T1036", "Masquerading", true),
    ("T1040", "Network Sniffing", false),
    ("T1041", "Exfiltration Over C2 Channel", false),
    ("T1046", "Network Service Discovery", false),
    ("T1059", "Command and Scripting Interpreter", true),
    ("T1059.001", "PowerShell", false),
    ("T1059.003", "Windows Command Shell", false),
    ("T1059.004", "Unix Shell", false),
    ("T1059.006", "Python", false),
    ("T1059.007", "JavaScript", false),
    ("T1068", "Exploitation for Privilege Escalation", false),
    ("T1071.001", "Web Protocols", false),
    ("T1078", "Valid Accounts", true),
    ("T1078.004", "Cloud Accounts", false),
    ("T1083", "File and Directory Discovery", true),
    ("T1087", "Account Discovery", true),
    ("T1090", "Proxy", false),
    ("T1090.003", "Multi-hop Proxy", false),
    ("T1098", "Account Manipulation", false),
    ("T1105", "Ingress Tool Transfer", false),
    ("T1110", "Brute Force", true),
    ("T1110.001", "Password Guessing", true),
    ("T1110.003", "Password Spraying", true),
    ("T1110.004", "Credential Stuffing", true),
    ("T1119", "Automated Collection", true),
    ("T1133", "External Remote Services", false),
    ("T1185", "Browser Session Hijacking", false),
    ("T1189", "Drive-by Compromise", false),
    ("T1190", "Exploit Public-Facing Application", true),
    ("T1195", "Supply Chain Compromise", false),
    ("T1199", "Trusted Relationship", true),
    ("T1203", "Exploitation for Client Execution", false),
    ("T1210", "Exploitation of Remote Services", false),
    ("T1212", "Exploitation for Credential Access", false),
    ("T1213", "Data from Information Repositories", true),
    ("T1498", "Network Denial of Service", false),
    ("T1499", "Endpoint Denial of Service", true),
    ("T1499.002", "Service Exhaustion Flood", true),
    ("T1499.003", "Application Exhaustion Flood", true),
    ("T1499.004", "Application or System Exploitation", true),
    ("T1505", "Server Software Component", false),
    ("T1505.003", "Web Shell", true),
    ("T1528", "Steal Application Access Token", true),
    ("T1530", "Data from Cloud Storage", true),
    ("T1539", "Steal Web Session Cookie", false),
    ("T1548", "Abuse Elevation Control Mechanism", false),
    ("T1550", "Use Alternate Authentication Material", true),
    ("T1550.001", "Application Access Token", true),
    ("T1550.004", "Web Session Cookie", false),
    ("T1552", "Unsecured Credentials", true),
    ("T1552.001", "Credentials In Files", true),
    ("T1552.004", "Private Keys", true),
    ("T1552.005", "Cloud Instance Metadata API", true),
    ("T1556", "Modify Authentication Process", false),
    ("T1557", "Adversary-in-the-Middle", false),
    ("T1565", "Data Manipulation", false),
    ("T1566", "Phishing", false),
    ("T1567", "Exfiltration Over Web Service", false),
    ("T1589", "Gather Victim Identity Information", true),
    ("T1590", "Gather Victim Network Information", false),
    ("T1592", "Gather Victim Host Information", true),
    ("T1594", "Search Victim-Owned Websites", true),
    ("T1595", "Active Scanning", true),
    ("T1595.001", "Scanning IP Blocks", false),
    ("T1595.002", "Vulnerability Scanning", true),
    ("T1595.003", "Wordlist Scanning", true),
    ("T1606", "Forge Web Credentials", true),
    ("T1606.001", "Web Cookies", false),
    ("T1606.002", "SAML Tokens", false),
    (
        "T1621",
        "Multi-Factor Authentication Request Generation",
        true,
    ),
];

/// How many rules and correlations carry one tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Row {
    /// `SEC-01`, `T1190`, `api1-2023`.
    pub(super) id: String,
    /// What it stands for; empty for a technique that is not in our list.
    pub(super) name: &'static str,
    pub(super) rules: usize,
    pub(super) correlations: usize,
    /// Detectors without a rule, and rules that contracts make.
    pub(super) built_in: usize,
    /// Scenarios of the simulator on a requirement: easy and hard attacks, and harmless ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scenarios: Option<Scenarios>,
    /// Titles of all but those of contracts.
    pub(super) titles: Vec<String>,
}

/// How many scenarios a requirement has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Scenarios {
    pub(super) easy: usize,
    pub(super) hard: usize,
    pub(super) harmless: usize,
}

impl Scenarios {
    /// Of those built in, that of this requirement.
    fn on(requirement: &str, built_in: &[Scenario]) -> Option<Scenarios> {
        let requirement = Requirement::named(requirement)?;
        let of = |keep: fn(&Scenario) -> bool| {
            let mine = built_in
                .iter()
                .filter(|it| it.requirement == requirement.tag);
            mine.filter(|it| keep(it)).count()
        };
        Some(Scenarios {
            easy: of(|it| it.attack && it.difficulty == Difficulty::Easy),
            hard: of(|it| it.attack && it.difficulty == Difficulty::Hard),
            harmless: of(|it| !it.attack),
        })
    }
}

impl Row {
    pub(super) fn is_empty(&self) -> bool {
        self.rules + self.correlations + self.built_in == 0
    }
}

/// The three tables.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tables {
    pub(super) requirements: Vec<Row>,
    /// What a request log can show, and what else rules name.
    pub(super) attack: Vec<Row>,
    pub(super) owasp: Vec<Row>,
}

/// Counts the tags of a set.
pub(super) fn tables(rules: &RuleSet) -> Tables {
    // A test holds that those built in can be read.
    let scenarios = crate::simulate::built_in().unwrap_or_default();
    let detectors = crate::track::detectors();
    let row = |id: &str, name: &'static str, tag: &str| {
        let carries = |tags: &[String]| tags.iter().any(|other| other == tag);
        let of_rules: Vec<&str> = rules
            .rules()
            .iter()
            .filter(|rule| carries(&rule.meta.tags))
            .map(|rule| rule.meta.title.as_str())
            .collect();
        let of_correlations: Vec<&str> = rules
            .correlations()
            .iter()
            .filter(|rule| carries(&rule.meta.tags))
            .map(|rule| rule.meta.title.as_str())
            .collect();
        let of_detectors: Vec<&str> = detectors
            .iter()
            .filter(|meta| carries(&meta.tags))
            .map(|meta| meta.title.as_str())
            .collect();
        let of_contracts = GENERATED_TAGS.contains(&tag);
        Row {
            id: id.to_owned(),
            name,
            scenarios: Scenarios::on(id, &scenarios),
            built_in: of_detectors.len() + usize::from(of_contracts),
            rules: of_rules.len(),
            correlations: of_correlations.len(),
            titles: of_rules
                .iter()
                .chain(&of_correlations)
                .chain(&of_detectors)
                .map(ToString::to_string)
                .collect(),
        }
    };
    let requirements = REQUIREMENTS
        .iter()
        .map(|known| {
            row(
                known.id,
                known.english,
                &format!("requirement.{}", known.tag),
            )
        })
        .collect();
    let owasp = OWASP_API
        .iter()
        .map(|(id, name)| row(id, name, &format!("owasp.{id}")))
        .collect();
    let attack = techniques(rules)
        .iter()
        .map(|(id, name)| row(id, name, &format!("attack.{}", id.to_lowercase())))
        .collect();
    Tables {
        requirements,
        attack,
        owasp,
    }
}

/// Techniques that are to be expected or that a rule names, by id.
fn techniques(rules: &RuleSet) -> Vec<(String, &'static str)> {
    let metas = rules.rules().iter().map(|rule| &rule.meta);
    let metas = metas.chain(rules.correlations().iter().map(|rule| &rule.meta));
    let mut ids: Vec<String> = metas
        .flat_map(|meta| &meta.tags)
        .filter_map(|tag| technique(tag.strip_prefix("attack.")?))
        .chain(
            TECHNIQUES
                .iter()
                .filter(|one| one.2)
                .map(|one| one.0.to_owned()),
        )
        .collect();
    ids.sort();
    ids.dedup();
    ids.into_iter()
        .map(|id| {
            let name = TECHNIQUES
                .iter()
                .find(|one| one.0 == id)
                .map_or("", |one| one.1);
            (id, name)
        })
        .collect()
}
