//! Takes letters to the SMTP server (RFC 5321), or into a folder on machines without one.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use super::message::Letter;
use super::{NotifyError, SendError};
use crate::config::{Smtp, SmtpSecurity};

/// An open connection is closed after so long without a mail; servers commonly close theirs after five minutes.
const IDLE: Duration = Duration::from_mins(1);
/// Reply codes that speak of login and protection, not of the mail: RFC 4954 section 6, RFC 3207 section 4.
const LOGIN_CODES: [u16; 5] = [523, 530, 534, 535, 538];

/// Where letters go.
#[derive(Clone, Debug)]
pub(crate) enum Transport {
    /// To the server.
    Smtp {
        mailer: AsyncSmtpTransport<Tokio1Executor>,
        /// For one letter, connection included.
        timeout: Duration,
    },
    /// Into a folder, a file a letter, named by its key: writing it again changes nothing.
    Files(PathBuf),
}

impl Transport {
    /// Reads password and certificates; connects to nothing yet. To be made and dropped within a Tokio runtime, which
    /// the pool of connections needs.
    pub(crate) fn new(directory: &Path, smtp: &Smtp) -> Result<Self, NotifyError> {
        if !directory.as_os_str().is_empty() {
            return Ok(Transport::Files(directory.to_owned()));
        }
        let timeout = Duration::from_secs(u64::from(smtp.timeout_seconds.max(1)));
        let (tls, usual_port) = protection(smtp)?;
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host)
            .port(if smtp.port == 0 {
                usual_port
            } else {
                smtp.port
            })
            .tls(tls)
            .timeout(Some(timeout))
            .pool_config(PoolConfig::new().max_size(1).idle_timeout(IDLE));
        if !smtp.hello_name.is_empty() {
            builder = builder.hello_name(ClientId::Domain(smtp.hello_name.clone()));
        }
        if !smtp.user.is_empty() {
            builder = builder.credentials(Credentials::new(smtp.user.clone(), password(smtp)?));
        }
        Ok(Transport::Smtp {
            mailer: builder.build(),
            timeout,
        })
    }

    /// Hands a letter over. `Ok` means that the server answered 250 to all of it.
    pub(crate) async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        match self {
            Transport::Smtp { mailer, timeout } => {
                let sending = mailer.send_raw(&letter.envelope, &letter.bytes);
                match tokio::time::timeout(*timeout, sending).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(classify(&error)),
                    Err(_) => Err(SendError::Unreachable {
                        reason: format!("no answer within {} s", timeout.as_secs()),
                    }),
                }
            }
            Transport::Files(directory) => {
                write_file(directory, letter)
                    .await
                    .map_err(|error| SendError::Unreachable {
                        reason: format!("{}: {error}", directory.display()),
                    })
            }
        }
    }
}

fn protection(smtp: &Smtp) -> Result<(Tls, u16), NotifyError> {
    match smtp.security {
        SmtpSecurity::Starttls => Ok((Tls::Required(tls_parameters(smtp)?), 587)),
        SmtpSecurity::Tls => Ok((Tls::Wrapper(tls_parameters(smtp)?), 465)),
        SmtpSecurity::Plaintext if is_loopback(&smtp.host) => Ok((Tls::None, 25)),
        SmtpSecurity::Plaintext => Err(NotifyError::Setting {
            key: "smtp.security",
            problem: format!("`plaintext` would send mail to {} unprotected", smtp.host),
            hint: "use `starttls` or `tls`; `plaintext` is for a server on this machine",
        }),
    }
}

/// A name that resolves to loopback elsewhere only would not do, so names other than `localhost` are not taken.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn tls_parameters(smtp: &Smtp) -> Result<TlsParameters, NotifyError> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if !smtp.ca_file.as_os_str().is_empty() {
        let setting = |problem: String| NotifyError::Setting {
            key: "smtp.ca_file",
            problem: format!("{}: {problem}", smtp.ca_file.display()),
            hint: "give a readable PEM file with the certificates of the authorities",
        };
        let pem = std::fs::read(&smtp.ca_file).map_err(|error| setting(error.to_string()))?;
        let certificates = split_pem(&pem);
        if certificates.is_empty() {
            return Err(setting("holds no certificate".to_owned()));
        }
        for certificate in certificates {
            let certificate =
                Certificate::from_pem(certificate).map_err(|error| setting(error.to_string()))?;
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| NotifyError::Setting {
        key: "smtp.host",
        problem: error.to_string(),
        hint: "give the name that the server's certificate is for",
    })
}

/// The certificates of a PEM file, each with its own beginning and end.
fn split_pem(pem: &[u8]) -> Vec<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let starts: Vec<usize> = memchr::memmem::find_iter(pem, BEGIN).collect();
    let ends = starts.iter().skip(1).copied().chain([pem.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(&start, end)| &pem[start..end])
        .collect()
}

fn password(smtp: &Smtp) -> Result<String, NotifyError> {
    if smtp.password_file.as_os_str().is_empty() {
        return Ok(smtp.password.expose().to_owned());
    }
    let text =
        std::fs::read_to_string(&smtp.password_file).map_err(|error| NotifyError::Setting {
            key: "smtp.password_file",
            problem: format!("{}: {error}", smtp.password_file.display()),
            hint: "give a file that this process may read",
        })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

fn classify(error: &lettre::transport::smtp::Error) -> SendError {
    if let Some(code) = error.status() {
        let code = u16::from(code);
        return if code == 421 {
            // The server says goodbye (RFC 5321, section 3.8): not about this letter.
            SendError::Unreachable {
                reason: "the server answered 421, it is not available".to_owned(),
            }
        } else if LOGIN_CODES.contains(&code) {
            SendError::Login { code }
        } else if error.is_permanent() {
            SendError::Refused { code }
        } else {
            SendError::PutOff { code }
        };
    }
    // These causes are our own TLS and socket layers'; they name hosts and certificates, never people.
    let mut reason = if error.is_response() {
        "the server's answer made no sense".to_owned()
    } else {
        error.to_string()
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause.filter(|_| !error.is_response()) {
        let words = inner.to_string();
        if !reason.contains(&words) {
            reason = format!("{reason}: {words}");
        }
        cause = inner.source();
    }
    SendError::Unreachable { reason }
}

/// Written beside and renamed, so that a reader never sees half a letter.
async fn write_file(directory: &Path, letter: &Letter) -> std::io::Result<()> {
    tokio::fs::create_dir_all(directory).await?;
    let path = directory.join(format!("{}.eml", letter.key));
    let beside = path.with_extension("tmp");
    tokio::fs::write(&beside, &letter.bytes).await?;
    tokio::fs::File::open(&beside).await?.sync_all().await?;
    tokio::fs::rename(&beside, &path).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(host: &str, security: SmtpSecurity) -> Smtp {
        Smtp {
            host: host.to_owned(),
            security,
            ..Smtp::default()
        }
    }

    #[tokio::test]
    async fn plaintext_is_taken_on_loopback_alone() {
        for host in ["127.0.0.1", "::1", "localhost"] {
            assert!(Transport::new(Path::new(""), &smtp(host, SmtpSecurity::Plaintext)).is_ok());
        }
        for host in ["mail.example.org", "10.0.0.1", "localhost.example.org"] {
            let error =
                Transport::new(Path::new(""), &smtp(host, SmtpSecurity::Plaintext)).unwrap_err();
            assert!(!error.is_retryable());
            assert!(
                error.to_string().starts_with("mail.smtp.security: "),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn a_missing_certificate_or_password_is_told_by_its_key() {
        let mut settings = smtp("localhost", SmtpSecurity::Starttls);
        settings.ca_file = PathBuf::from("/nonexistent/ca.pem");
        let error = Transport::new(Path::new(""), &settings)
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("mail.smtp.ca_file: /nonexistent/ca.pem"),
            "{error}"
        );
        let mut settings = smtp("localhost", SmtpSecurity::Starttls);
        settings.user = "gatewatch".to_owned();
        settings.password_file = PathBuf::from("/nonexistent/password");
        let error = Transport::new(Path::new(""), &settings)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("mail.smtp.password_file: "), "{error}");
    }

    #[test]
    fn a_pem_file_may_hold_several_authorities() {
        let pem = b"# ours\n-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nB\n-----END CERTIFICATE-----\n";
        assert_eq!(split_pem(pem).len(), 2);
        assert!(split_pem(b"nothing").is_empty());
    }
}
