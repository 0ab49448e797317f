//! All authenticators in upstream's order, and what their answers amount to.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use super::bearer::{INVALID_TOKEN, header_token, protocol_token};
use super::request_header::{RequestHeader, is_standard};
use super::service_account::bound::{self, Issuers};
use super::service_account::{ObjectGetter, legacy};
use super::token_cache::TokenCache;
use super::user::{ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, ANONYMOUS, UserInfo};
use super::x509::{self, ClientCas};
use super::{Authenticated, AuthenticationError, Evidence, Outcome, bootstrap_token};
use howdah_api::go::aggregate;

/// Who may come without credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Anonymous {
    /// Nobody: a request without credentials is a 401.
    Nobody,
    /// Everybody, upstream's default.
    #[default]
    Everywhere,
    /// Requests for exactly these paths.
    OnlyPaths(Vec<String>),
}

/// The authenticators of bearer tokens, and the cache in front of them.
pub struct TokenAuthenticators {
    /// Whose ServiceAccount tokens are accepted.
    pub issuers: Issuers,
    /// Finds the objects that tokens name.
    pub objects: Arc<dyn ObjectGetter>,
    /// Whether bootstrap tokens are accepted.
    pub bootstrap: bool,
    /// Remembers successes.
    pub cache: TokenCache,
}

/// All authenticators.
pub struct Chain {
    /// The front proxy, if there may be one.
    pub request_header: Option<RequestHeader>,
    /// The authorities of client certificates, if there are any.
    pub client_cas: Option<ClientCas>,
    /// Bearer tokens.
    pub tokens: TokenAuthenticators,
    /// Who may come without credentials.
    pub anonymous: Anonymous,
}

impl Chain {
    /// Who sent the request; `None` when it brought no credentials and may not come without.
    ///
    /// # Errors
    /// When it brought credentials and all of them are wrong. Both that and `None` are a 401.
    pub async fn authenticate(&self, evidence: &Evidence<'_>) -> Outcome {
        let mut errors = Vec::new();
        let mut found = None;
        if let Some(proxy) = &self.request_header {
            found = note(proxy.authenticate(evidence), &mut errors);
        }
        if let (None, Some(authorities)) = (&found, &self.client_cas) {
            found = note(x509::authenticate(authorities, evidence), &mut errors);
        }
        if let (None, Some(token)) = (&found, header_token(evidence)) {
            found = note(self.own_token(token, evidence.now).await, &mut errors);
        }
        if found.is_none() {
            found = match protocol_token(evidence) {
                Ok(Some(token)) => note(self.own_token(&token, evidence.now).await, &mut errors),
                Ok(None) => None,
                Err(error) => note(Err(error), &mut errors),
            };
        }
        match (found, aggregate(&errors)) {
            (Some(found), _) => Ok(Some(with_authenticated_group(found))),
            (None, Some(errors)) => Err(AuthenticationError(errors)),
            (None, None) => Ok(self.anonymous(evidence.path)),
        }
    }

    /// Whose a token is, for a `TokenReview`: for these audiences, or for the API server's own when there are none.
    ///
    /// # Errors
    /// When it is nobody's.
    pub async fn review(
        &self,
        token: &str,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<Authenticated, AuthenticationError> {
        let audiences = if audiences.is_empty() { &self.tokens.issuers.api_audiences } else { audiences };
        let found = self.tokens.authenticate(token, audiences, now).await?;
        let found = found.ok_or_else(|| AuthenticationError::new(INVALID_TOKEN))?;
        Ok(with_authenticated_group(found))
    }

    /// Whether a header says who a request comes from, so that it is not passed on to anybody: the front proxy's, and
    /// the standard ones of front proxies whether or not there is one. `Authorization` is the caller's business.
    pub fn owns_header(&self, name: &str) -> bool {
        is_standard(name) || self.request_header.as_ref().is_some_and(|proxy| proxy.owns(name))
    }

    async fn own_token(&self, token: &str, now: Timestamp) -> Outcome {
        let found = self.tokens.authenticate(token, &self.tokens.issuers.api_audiences, now).await?;
        // A token that nobody knows is wrong, not absent.
        found.map(Some).ok_or_else(|| AuthenticationError::new(INVALID_TOKEN))
    }

    fn anonymous(&self, path: &str) -> Option<Authenticated> {
        let allowed = match &self.anonymous {
            Anonymous::Nobody => false,
            Anonymous::Everywhere => true,
            Anonymous::OnlyPaths(paths) => paths.iter().any(|allowed| allowed == path),
        };
        allowed.then(|| Authenticated::new(UserInfo::new(ANONYMOUS, [ALL_UNAUTHENTICATED])))
    }
}

impl TokenAuthenticators {
    async fn authenticate(&self, token: &str, audiences: &[String], now: Timestamp) -> Outcome {
        if let Some(known) = self.cache.get(token, audiences, now) {
            return Ok(Some(known.as_ref().clone()));
        }
        let found = self.check(token, audiences, now).await?;
        if let Some(found) = &found {
            self.cache.put(token, audiences, Arc::new(found.clone()), now);
        }
        Ok(found)
    }

    async fn check(&self, token: &str, audiences: &[String], now: Timestamp) -> Outcome {
        let objects = self.objects.as_ref();
        let mut errors = Vec::new();
        let mut found = note(legacy::authenticate(&self.issuers, objects, token, audiences, now).await, &mut errors);
        if found.is_none() {
            found = note(bound::authenticate(&self.issuers, objects, token, audiences, now).await, &mut errors);
        }
        // Bootstrap tokens know no audiences: they are for the API server.
        let own: Vec<String> =
            self.issuers.api_audiences.iter().filter(|audience| audiences.contains(audience)).cloned().collect();
        if found.is_none() && self.bootstrap && (!own.is_empty() || audiences.is_empty()) {
            found = note(bootstrap_token::authenticate(objects, token, now).await, &mut errors);
            found = found.map(|found| Authenticated { audiences: own, ..found });
        }
        match (found, aggregate(&errors)) {
            (Some(found), _) => Ok(Some(found)),
            (None, Some(errors)) => Err(AuthenticationError(errors)),
            (None, None) => Ok(None),
        }
    }
}

fn note(outcome: Outcome, errors: &mut Vec<String>) -> Option<Authenticated> {
    outcome.unwrap_or_else(|error| {
        errors.push(error.0);
        None
    })
}

fn with_authenticated_group(mut found: Authenticated) -> Authenticated {
    let user = &mut found.user;
    if user.name != ANONYMOUS && !user.is_in(ALL_UNAUTHENTICATED) {
        user.ensure_group(ALL_AUTHENTICATED);
    }
    found
}

#[cfg(test)]
#[path = "chain_test.rs"]
mod tests;
