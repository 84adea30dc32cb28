//! The tags that rules of an API gateway carry, and what they stand for.

/// OWASP API Security Top 10, edition of 2023 (<https://owasp.org/API-Security/editions/2023/en/0x11-t10/>).
pub(crate) const OWASP_API: &[(&str, &str)] = &[
    ("api1-2023", "Broken Object Level Authorization"),
    ("api2-2023", "Broken Authentication"),
    ("api3-2023", "Broken Object Property Level Authorization"),
    ("api4-2023", "Unrestricted Resource Consumption"),
    ("api5-2023", "Broken Function Level Authorization"),
    (
        "api6-2023",
        "Unrestricted Access to Sensitive Business Flows",
    ),
    ("api7-2023", "Server Side Request Forgery"),
    ("api8-2023", "Security Misconfiguration"),
    ("api9-2023", "Improper Inventory Management"),
    ("api10-2023", "Unsafe Consumption of APIs"),
];

/// Tactics of ATT&CK for enterprises, as Sigma's tags spell them (<https://attack.mitre.org/tactics/enterprise/>).
pub(crate) const TACTICS: &[&str] = &[
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    // Split in two by ATT&CK 19.
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
];

/// `t1190` or `t1110.003` as ATT&CK writes it: `T1190`, `T1110.003`; `None` for what is no technique.
pub(crate) fn technique(name: &str) -> Option<String> {
    let (number, sub) = name.strip_prefix('t')?.split_once('.').map_or_else(
        || (name.get(1..), None),
        |(number, sub)| (Some(number), Some(sub)),
    );
    let digits =
        |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    let fits = digits(number?, 4) && sub.is_none_or(|sub| digits(sub, 3));
    fits.then(|| name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_are_told_from_tactics() {
        assert_eq!(technique("t1190").as_deref(), Some("T1190"));
        assert_eq!(technique("t1110.003").as_deref(), Some("T1110.003"));
        for other in ["t119", "t1110.3", "tactic", "execution", "t", "t11a0"] {
            assert_eq!(technique(other), None, "{other}");
        }
    }
}
