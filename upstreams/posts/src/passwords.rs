//! Passwords: argon2id, away from the threads that serve, and not too many at once.

use std::sync::Arc;
use std::thread;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use crate::Error;

/// How many characters a password has.
const LENGTH: core::ops::RangeInclusive<usize> = 8..=128;

/// Makes and checks hashes of passwords.
///
/// Each takes 19 MiB for some 20 ms, so that no more run at once than there are cores; the rest wait.
#[derive(Debug)]
pub(crate) struct Passwords {
    at_once: Arc<Semaphore>,
    /// The hash of nothing anybody knows, checked where there is no user: it takes the same time.
    decoy: Arc<str>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(1, core::num::NonZero::get);
        let unknown: [u8; 32] = random();
        Self { at_once: Arc::new(Semaphore::new(cores)), decoy: hash(&unknown, &random()).into() }
    }

    /// The PHC string to keep of this password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Error> {
        if !LENGTH.contains(&password.chars().count()) {
            return Err(Error::Invalid(format!(
                "a password has {} to {} characters",
                LENGTH.start(),
                LENGTH.end()
            )));
        }
        Ok(self.run(move || hash(password.as_bytes(), &random())).await)
    }

    /// Whether the password is the one of which `known` was kept. No user, or one that can not log in, takes
    /// as long as a wrong password.
    pub(crate) async fn is_right(&self, password: String, known: Option<String>) -> bool {
        let can_be = LENGTH.contains(&password.chars().count());
        let known = known.filter(|known| can_be && !known.is_empty());
        // What is longer than any password is not worth the work either.
        let password = if can_be { password } else { String::new() };
        let decoy = Arc::clone(&self.decoy);
        self.run(move || {
            let is_known = known.is_some();
            let known = known.as_deref().unwrap_or(&decoy);
            let is_right = PasswordHash::new(known).is_ok_and(|known| {
                Argon2::default().verify_password(password.as_bytes(), &known).is_ok()
            });
            is_known && is_right
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let at_once = Arc::clone(&self.at_once);
        let permit = at_once.acquire_owned().await.expect("it is never closed");
        // The permit goes along: work that nobody waits for any more still takes its share.
        let work = move |_permit: OwnedSemaphorePermit| work();
        spawn_blocking(move || work(permit)).await.expect("hashing does not panic")
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has entropy once it has started");
    bytes
}

fn hash(password: &[u8], salt: &[u8; 16]) -> String {
    let hash: PasswordHash = Argon2::default()
        .hash_password_with_salt(password, salt)
        .expect("salt and password are within the limits of argon2");
    hash.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = Passwords::new();
        let kept = passwords.hash("correct horse".into()).await.unwrap();

        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(passwords.hash("correct horse".into()).await.unwrap(), kept, "salted");
        assert!(passwords.is_right("correct horse".into(), Some(kept.clone())).await);
        assert!(!passwords.is_right("Correct horse".into(), Some(kept)).await);
        for nobody in [None, Some(String::new()), Some("garbage".into())] {
            assert!(!passwords.is_right("correct horse".into(), nobody).await);
        }
    }

    #[tokio::test]
    async fn a_password_is_neither_short_nor_endless() {
        let passwords = Passwords::new();
        for bad in ["1234567".to_owned(), "x".repeat(129)] {
            assert!(matches!(passwords.hash(bad).await, Err(Error::Invalid(_))));
        }
    }
}
