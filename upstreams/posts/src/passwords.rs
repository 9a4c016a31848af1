//! Passwords: argon2id, away from the threads that serve, and not too many at once.
//!
//! A hash takes 19 MiB and some 20 ms of a processor. As many run at once as there are processors; the others wait in a
//! queue (see `shares.rs`), where those who log in and those who sign up take turns, and within each the addresses
//! do. So a flood of sign-ups makes a log-in wait for one of them and not for all.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::Error;
use crate::shares::{Limits, Share, Shares, cores};

/// How many characters a password has.
const LENGTH: core::ops::RangeInclusive<usize> = 8..=128;

/// The most passwords that wait to be hashed.
const MAX_WAITING: usize = 4096;

/// How long a password may wait to be hashed.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(60);

/// How many blocks an allocation has room for, of which a hash touches the first 19 MiB: allocations of 32 MiB and more
/// go back to the system when they are freed, where the C library keeps smaller ones for each of its threads.
const ROOM_BLOCKS: usize = 34 * 1024;

/// The lanes of the queue.
const LOG_INS: usize = 0;
const SIGN_UPS: usize = 1;

/// Makes and checks hashes of passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    queue: Shares,
    memory: Arc<Memory>,
    /// The hash of nothing anybody knows, checked where there is no user: it takes the same time.
    decoy: Arc<str>,
}

/// The turn of a password to be hashed.
#[derive(Debug)]
pub(crate) struct Turn {
    share: Share,
    memory: Arc<Memory>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        // An address may use all processors while nobody else asks.
        let limits = Limits { permits: cores(), by_address: cores(), waiting: MAX_WAITING };
        let queue = Shares::new(2, limits);
        let memory = Memory { free: Mutex::default(), queue: queue.clone() };
        let unknown: [u8; 32] = random();
        let decoy = hash(&unknown, &random(), &mut Vec::new()).into();
        Self { queue, memory: Arc::new(memory), decoy }
    }

    /// Waits to check the password of somebody who logs in.
    pub(crate) async fn turn_to_log_in(&self, address: IpAddr) -> Result<Turn, Error> {
        self.turn(LOG_INS, address).await
    }

    /// Waits to hash the password of somebody who signs up.
    pub(crate) async fn turn_to_sign_up(&self, address: IpAddr) -> Result<Turn, Error> {
        self.turn(SIGN_UPS, address).await
    }

    async fn turn(&self, lane: usize, address: IpAddr) -> Result<Turn, Error> {
        match timeout(MAX_WAIT, self.queue.take(lane, address)).await {
            Ok(Ok(share)) => Ok(Turn { share, memory: Arc::clone(&self.memory) }),
            Ok(Err(_)) | Err(_) => Err(Error::Busy { retry_after: MAX_WAIT }),
        }
    }

    /// Refuses what can not be a password, before anything is done for it.
    pub(crate) fn check(password: &str) -> Result<(), Error> {
        if LENGTH.contains(&password.chars().count()) {
            return Ok(());
        }
        let (least, most) = (LENGTH.start(), LENGTH.end());
        Err(Error::Invalid(format!("a password has {least} to {most} characters")))
    }

    /// The PHC string to keep of this password.
    pub(crate) async fn hash(&self, turn: Turn, password: String) -> Result<String, Error> {
        Self::check(&password)?;
        Ok(turn.run(move |blocks| hash(password.as_bytes(), &random(), blocks)).await)
    }

    /// Whether the password is the one of which `known` was kept. No user, or one that can not log in, takes
    /// as long as a wrong password.
    pub(crate) async fn is_right(
        &self,
        turn: Turn,
        password: String,
        known: Option<String>,
    ) -> bool {
        let can_be = Self::check(&password).is_ok();
        let known = known.filter(|known| can_be && !known.is_empty());
        // What is longer than any password is not worth the work either.
        let password = if can_be { password } else { String::new() };
        let decoy = Arc::clone(&self.decoy);
        turn.run(move |blocks| {
            let is_known = known.is_some();
            let known = known.as_deref().unwrap_or(&decoy);
            let is_right = verify(password.as_bytes(), known, blocks).unwrap_or(false);
            is_known && is_right
        })
        .await
    }
}

impl Turn {
    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> T {
        // The turn goes along: work that nobody waits for any more still takes its share.
        let work = move || {
            let mut blocks = self.memory.take();
            let done = work(&mut blocks);
            self.memory.put_back(blocks);
            drop(self.share);
            self.memory.give_back_if_idle();
            done
        };
        spawn_blocking(work).await.expect("hashing does not panic")
    }
}

/// The blocks that hashes are made in: no more than there are permits, used again as long as somebody waits.
#[derive(Debug)]
struct Memory {
    free: Mutex<Vec<Vec<Block>>>,
    queue: Shares,
}

impl Memory {
    fn take(&self) -> Vec<Block> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.pop().unwrap_or_else(|| Vec::with_capacity(ROOM_BLOCKS))
    }

    fn put_back(&self, blocks: Vec<Block>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
    }

    fn give_back_if_idle(&self) {
        if self.queue.is_idle() {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

/// Bytes that nobody can guess.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has entropy once it has started");
    bytes
}

/// The PHC string of a password with this salt.
fn hash(password: &[u8], salt: &[u8; 16], blocks: &mut Vec<Block>) -> String {
    const WITHIN: &str = "salt, password and parameters are within the limits of argon2";
    let params = Params::DEFAULT;
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    fill(&params, password, salt, &mut output, blocks).expect(WITHIN);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(&params).expect(WITHIN),
        salt: Some(Salt::new(salt).expect(WITHIN)),
        hash: Some(Output::new(&output).expect(WITHIN)),
    };
    hash.to_string()
}

/// Whether a PHC string is of this password; none if it is no such string, or one that this program does not write.
fn verify(password: &[u8], known: &str, blocks: &mut Vec<Block>) -> Option<bool> {
    let known = PasswordHash::new(known).ok()?;
    let params = Params::try_from(&known).ok()?;
    let is_ours = known.algorithm == Algorithm::Argon2id.ident()
        && known.version == Some(Version::V0x13.into())
        && params.block_count() <= ROOM_BLOCKS;
    if !is_ours {
        return None;
    }
    let (salt, wanted) = known.salt.zip(known.hash)?;
    let mut output = vec![0; wanted.len()];
    fill(&params, password, &salt, &mut output, blocks)?;
    // Outputs are compared in constant time.
    Some(Output::new(&output).ok()? == wanted)
}

fn fill(
    params: &Params,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
    blocks: &mut Vec<Block>,
) -> Option<()> {
    blocks.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
    argon2.hash_password_into_with_memory(password, salt, output, blocks).ok()
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

    use super::*;

    const ANN: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    async fn hashed(passwords: &Passwords, password: &str) -> Result<String, Error> {
        let turn = passwords.turn_to_sign_up(ANN).await.unwrap();
        passwords.hash(turn, password.into()).await
    }

    async fn is_right(passwords: &Passwords, password: &str, known: Option<&str>) -> bool {
        let turn = passwords.turn_to_log_in(ANN).await.unwrap();
        passwords.is_right(turn, password.into(), known.map(str::to_owned)).await
    }

    #[tokio::test]
    async fn only_the_password_itself_is_right() {
        let passwords = Passwords::new();
        let kept = hashed(&passwords, "correct horse").await.unwrap();

        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(hashed(&passwords, "correct horse").await.unwrap(), kept, "salted");
        assert!(is_right(&passwords, "correct horse", Some(&kept)).await);
        assert!(!is_right(&passwords, "Correct horse", Some(&kept)).await);
        for nobody in [
            None,
            Some(""),
            Some("garbage"),
            Some("$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"),
        ] {
            assert!(!is_right(&passwords, "correct horse", nobody).await);
        }
    }

    /// Hashes were kept by other versions of the program.
    #[tokio::test]
    async fn a_hash_is_what_the_library_itself_makes() {
        let library = Argon2::default();
        let theirs =
            library.hash_password_with_salt(b"correct horse", b"0123456789abcdef").unwrap();

        assert_eq!(
            hash(b"correct horse", b"0123456789abcdef", &mut Vec::new()),
            theirs.to_string()
        );
        let ours = hashed(&Passwords::new(), "battery staple").await.unwrap();
        library.verify_password(b"battery staple", ours.as_str()).unwrap();
    }

    #[tokio::test]
    async fn a_password_is_neither_short_nor_endless() {
        let passwords = Passwords::new();
        for bad in ["1234567".to_owned(), "x".repeat(129)] {
            assert!(matches!(hashed(&passwords, &bad).await, Err(Error::Invalid(_))));
        }
    }

    #[tokio::test]
    async fn memory_is_given_back_when_nobody_waits() {
        let passwords = Passwords::new();
        let all = (0..8).map(|_| hashed(&passwords, "correct horse"));

        futures_util::future::join_all(all).await;

        assert!(passwords.queue.is_idle());
        assert_eq!(passwords.memory.free.lock().unwrap().len(), 0);
    }
}
