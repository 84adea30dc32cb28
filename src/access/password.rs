//! Passwords: argon2id (RFC 9106), with the parameters that OWASP gives as least (19 MiB, two passes).

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Shortest password: NIST SP 800-63B asks for 8, and for 15 where there is no second factor.
pub const SHORTEST: usize = 12;
/// Longest: what is beyond would only cost time.
const LONGEST: usize = 256;
/// Passwords that are looked at at once; each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Passwords that may wait for their turn.
const WAITING: usize = 32;

/// Why a text is no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordError {
    /// It is too short or too long.
    #[error("a password has {SHORTEST} to {LONGEST} characters")]
    Length,
    /// It is easy to guess.
    #[error(
        "this password is easy to guess: it is the name, one character over and over, or one of the most used"
    )]
    Guessable,
}

/// What people take when they have to take twelve characters.
const MOST_USED: &[&str] = &[
    "password1234",
    "password12345",
    "passwordpassword",
    "123456789012",
    "1234567890123",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwerty123456",
    "administrator",
    "gatewatch1234",
    "gatewatch12345",
    "letmeinletmein",
    "1q2w3e4r5t6y",
    "йцукенгшщзхъ",
    "парольпароль",
];

/// Whether a text may be the password of an account of this name.
///
/// # Errors
/// It is too short, too long, or easy to guess.
pub fn check(password: &str, name: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if !(SHORTEST..=LONGEST).contains(&length) {
        return Err(PasswordError::Length);
    }
    let plain = password.to_lowercase();
    let first = plain.chars().next();
    let is_one = plain.chars().all(|it| Some(it) == first);
    let is_name = plain.replace(name, "").chars().count() < SHORTEST / 2;
    if is_one || is_name || MOST_USED.contains(&plain.as_str()) {
        return Err(PasswordError::Guessable);
    }
    Ok(())
}

fn argon2() -> Argon2<'static> {
    let params =
        Params::new(19 * 1024, 2, 1, None).expect("the parameters are within their bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hashes and compares passwords, a few at a time and never on a thread that serves others.
#[derive(Debug)]
pub struct Verifier {
    turns: Semaphore,
    waiting: Semaphore,
    /// Compared with where there is no account, so that the answer takes as long.
    nobody: String,
}

/// Too many passwords are being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many people sign in at once; try again in a few seconds")]
pub struct Busy;

impl Default for Verifier {
    fn default() -> Self {
        Verifier {
            turns: Semaphore::new(AT_ONCE),
            waiting: Semaphore::new(WAITING),
            nobody: hash("nobody's password"),
        }
    }
}

impl Verifier {
    /// Whether a password is that of a hash; without a hash it never is, and that takes as long to say.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn matches(&self, password: String, hash: Option<String>) -> Result<bool, Busy> {
        let is_somebody = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobody.clone());
        let same = self
            .in_turn(move || {
                let password = password.as_bytes();
                argon2().verify_password(password, hash.as_str()).is_ok()
            })
            .await?;
        Ok(same && is_somebody)
    }

    /// The hash of a password.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn hash(&self, password: String) -> Result<String, Busy> {
        self.in_turn(move || hash(&password)).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _waits = self.waiting.try_acquire().map_err(|_| Busy)?;
        let _turn = self.turns.acquire().await.map_err(|_| Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }
}

fn hash(password: &str) -> String {
    let hash = argon2().hash_password(password.as_bytes());
    hash.expect("the system has random numbers").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_or_easy_to_guess_is_refused() {
        assert_eq!(check("short", "anna"), Err(PasswordError::Length));
        assert_eq!(check("aaaaaaaaaaaaaa", "b"), Err(PasswordError::Guessable));
        assert_eq!(check("Password1234", "b"), Err(PasswordError::Guessable));
        assert_eq!(check("annaannaanna", "anna"), Err(PasswordError::Guessable));
        assert_eq!(check("correct horse battery", "anna"), Ok(()));
        assert_eq!(check("ёжик в тумане", "anna"), Ok(()));
    }

    #[tokio::test]
    async fn only_the_password_itself_matches() {
        let verifier = Verifier::default();
        let hash = verifier.hash("correct horse battery".into()).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        let matches =
            |password: &str, hash: Option<String>| verifier.matches(password.into(), hash);
        assert!(
            matches("correct horse battery", Some(hash.clone()))
                .await
                .unwrap()
        );
        assert!(!matches("correct horse batterz", Some(hash)).await.unwrap());
        assert!(!matches("nobody's password", None).await.unwrap());
        assert!(!matches("a", Some("no hash".into())).await.unwrap());
    }
}
