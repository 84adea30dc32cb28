//! TLS of connections that gatewatch makes: 1.2 or 1.3, the server's certificate verified. There is no way to switch that off.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// Trusts the authorities of a PEM file, or those of the system where none is named.
///
/// # Errors
/// There are none, as a text that goes behind the name of the setting.
pub fn client(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca_file else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        return if added == 0 {
            Err("is not set and the system has no certificate authorities; install ca-certificates or set it".to_owned())
        } else {
            Ok(trusting(roots))
        };
    };
    let refused =
        |reason: String| format!("{} holds no usable certificate: {reason}", path.display());
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refused(error.to_string()))?;
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(refused("none in PEM".to_owned()));
    }
    Ok(trusting(roots))
}

/// Trusts nobody: for connections without TLS.
#[must_use]
pub fn nobody() -> ClientConfig {
    trusting(RootCertStore::empty())
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring knows the default versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
