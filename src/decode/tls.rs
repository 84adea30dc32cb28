//! Names of TLS versions and cipher suites that a log gives as numbers (RFC 8446, appendix B.4; IANA TLS registry).

/// `TLSv1.3` for `772` (0x0304) or `1.3`; `None` when it is neither.
pub(super) fn version(text: &str) -> Option<&'static str> {
    Some(match text {
        "768" => "SSLv3",
        "769" | "1.0" => "TLSv1",
        "770" | "1.1" => "TLSv1.1",
        "771" | "1.2" => "TLSv1.2",
        "772" | "1.3" => "TLSv1.3",
        _ => return None,
    })
}

/// IANA name of a suite by its number in decimal; `None` for one that servers written in Go cannot negotiate.
pub(super) fn suite(text: &str) -> Option<&'static str> {
    let number = text.parse::<u16>().ok()?;
    let at = SUITES
        .binary_search_by_key(&number, |(number, _)| *number)
        .ok()?;
    Some(SUITES[at].1)
}

/// Sorted by number. The suites of Go's `crypto/tls`, which is what the servers are written with that log numbers.
const SUITES: [(u16, &str); 25] = [
    (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
    (0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA"),
    (0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA"),
    (0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"),
    (0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
    (0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0xc007, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"),
    (0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"),
    (0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    (0xc011, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
    (0xc012, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    (0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    (0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    (0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
    (0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_registered_names() {
        assert_eq!(version("772"), Some("TLSv1.3"));
        assert_eq!(version("1.0"), Some("TLSv1"));
        assert_eq!(version("TLSv1.2"), None);
        assert_eq!(suite("4865"), Some("TLS_AES_128_GCM_SHA256"));
        assert_eq!(
            suite("49199"),
            Some("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")
        );
        assert_eq!((suite("1"), suite("TLS_AES_128_GCM_SHA256")), (None, None));
        assert!(SUITES.is_sorted());
    }
}
