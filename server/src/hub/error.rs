//! Why a cache has no answer.

use howdah_store::{ReadError, Revision};

use crate::status::ApiError;

/// Why a cache could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The revision asked for was not reached in time.
    #[error("revision {asked} was not reached; the newest is {current}")]
    TooLarge {
        /// What was asked for.
        asked: Revision,
        /// Where the cache stands.
        current: Revision,
    },
    /// The cache was not filled in time.
    #[error("the cache is not filled yet")]
    Unready,
    /// The newest revision could not be learned.
    #[error("the database's revision could not be read")]
    Database {
        /// What went wrong.
        #[source]
        source: ReadError,
    },
    /// The hub was stopped.
    #[error("the watch hub is stopped")]
    Closed,
}

impl From<CacheError> for ApiError {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::TooLarge { asked, current } => {
                let number = |revision: Revision| u64::try_from(revision.get()).unwrap_or_default();
                Self::ResourceVersionTooLarge { asked: number(asked), current: number(current) }
            }
            CacheError::Unready => Self::ServiceUnavailable("storage is (re)initializing".to_owned()),
            CacheError::Database { source } => {
                warn("the newest revision could not be learned", &source);
                Self::ServiceUnavailable("the database can't be reached".to_owned())
            }
            CacheError::Closed => Self::ServiceUnavailable("the server is shutting down".to_owned()),
        }
    }
}

/// Logs what is tried again.
pub(super) fn warn(what: &str, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(error, "{what}");
}
