//! Remembers for a moment whose a token is, so that a busy client's token is not checked at every request.
//!
//! Keyed by an HMAC of token and audiences under a random key: no token stays in memory, and nobody can aim at
//! collisions. Only successes are kept, for [`TTL`], as upstream's defaults have it; what is revoked is therefore good
//! for at most that long. Bounded: a full cache forgets what it learned first. Deliberately absent: merging checks of
//! one token that run at the same time; checks are cheap and look objects up in caches.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::Authenticated;

/// How long a success is remembered.
pub const TTL: Duration = Duration::from_secs(10);
/// How many successes are remembered, in all.
pub const CAPACITY: usize = 32_768;

const SHARDS: usize = 16;

type Key = [u8; 32];

/// The cache.
pub struct TokenCache {
    secret: hmac::Key,
    shards: Vec<Mutex<Shard>>,
    shard_capacity: usize,
}

#[derive(Default)]
struct Shard {
    known: HashMap<Key, (Timestamp, Arc<Authenticated>)>,
    /// In the order of learning, which is the order of expiry.
    order: VecDeque<(Timestamp, Key)>,
}

/// There is no randomness on this machine.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

impl TokenCache {
    /// An empty cache of [`CAPACITY`].
    ///
    /// # Errors
    /// When the system gives no random bytes.
    pub fn new() -> Result<Self, NoRandomness> {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Result<Self, NoRandomness> {
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| NoRandomness)?;
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Ok(Self { secret, shards, shard_capacity: capacity.div_ceil(SHARDS) })
    }

    /// Whose the token is, when that was learned less than [`TTL`] ago.
    pub fn get(&self, token: &str, audiences: &[String], now: Timestamp) -> Option<Arc<Authenticated>> {
        let key = self.key(token, audiences);
        let shard = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        let (until, found) = shard.known.get(&key)?;
        (now < *until).then(|| found.clone())
    }

    /// Remembers whose the token is.
    pub fn put(&self, token: &str, audiences: &[String], found: Arc<Authenticated>, now: Timestamp) {
        let key = self.key(token, audiences);
        let Ok(until) = now.checked_add(TTL) else { return };
        let mut shard = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        shard.known.insert(key, (until, found));
        shard.order.push_back((until, key));
        while shard.order.front().is_some_and(|(oldest, _)| *oldest <= now) || shard.order.len() > self.shard_capacity {
            let Some((until, key)) = shard.order.pop_front() else { break };
            // What was learned anew since then stands further back in the order.
            if shard.known.get(&key).is_some_and(|(own, _)| *own == until) {
                shard.known.remove(&key);
            }
        }
    }

    fn key(&self, token: &str, audiences: &[String]) -> Key {
        let mut context = hmac::Context::with_key(&self.secret);
        let mut add = |text: &str| {
            context.update(&text.len().to_be_bytes());
            context.update(text.as_bytes());
        };
        add(token);
        audiences.iter().for_each(|audience| add(audience));
        let mut key = Key::default();
        key.copy_from_slice(context.sign().as_ref());
        key
    }

    fn shard(&self, key: &Key) -> &Mutex<Shard> {
        &self.shards[usize::from(key[0]) % SHARDS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_750_000_000_000 + milliseconds).expect("a time")
    }

    #[test]
    fn a_success_is_remembered_for_ten_seconds() {
        let cache = TokenCache::new().expect("a cache");
        let (api, none) = (["api".to_owned()], []);
        let found = Arc::new(Authenticated::default());
        cache.put("token", &api, found.clone(), at(0));
        assert!(cache.get("token", &api, at(9_999)).is_some_and(|known| Arc::ptr_eq(&known, &found)));
        assert!(cache.get("token", &api, at(10_000)).is_none());
        assert!(cache.get("token", &none, at(0)).is_none(), "other audiences are another question");
        assert!(cache.get("toke", &["napi".to_owned()], at(0)).is_none());
        assert!(cache.get("other", &api, at(0)).is_none());
    }

    #[test]
    fn it_never_holds_more_than_its_capacity() {
        let cache = TokenCache::with_capacity(64).expect("a cache");
        let found = Arc::new(Authenticated::default());
        for number in 0..10_000 {
            cache.put(&format!("token {number}"), &[], found.clone(), at(0));
            cache.put("again", &[], found.clone(), at(0));
        }
        for shard in &cache.shards {
            let shard = shard.lock().expect("not poisoned");
            assert!(shard.known.len() <= 4 && shard.order.len() <= 4);
        }
        cache.put("late", &[], found.clone(), at(20_000));
        assert!(cache.get("late", &[], at(20_000)).is_some());
    }
}
