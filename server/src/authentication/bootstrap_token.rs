//! Bootstrap tokens: `ID.SECRET`, each kept in a Secret of kube-system, for machines that are about to join.
//!
//! The Secret `bootstrap-token-ID` has the type `bootstrap.kubernetes.io/token` and says what the token may do and
//! until when. Whatever does not fit is no opinion, as upstream has it: the next authenticator may know the token.
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/>.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use subtle::ConstantTimeEq as _;

use super::service_account::ObjectGetter;
use super::user::{BOOTSTRAPPERS, UserInfo};
use super::{Authenticated, AuthenticationError, Outcome};

const NAMESPACE: &str = "kube-system";
const SECRET_NAME_PREFIX: &str = "bootstrap-token-";
const SECRET_TYPE: &str = "bootstrap.kubernetes.io/token";
const USER_PREFIX: &str = "system:bootstrap:";
const EXTRA_GROUP_PREFIX: &str = "system:bootstrappers:";

/// Checks a bootstrap token.
///
/// # Errors
/// When the Secret could not be looked up.
pub async fn authenticate(objects: &dyn ObjectGetter, token: &str, now: Timestamp) -> Outcome {
    let Some((id, secret)) = split(token) else { return Ok(None) };
    let name = format!("{SECRET_NAME_PREFIX}{id}");
    let found = objects.secret(NAMESPACE, &name).await.map_err(|error| AuthenticationError(error.0))?;
    let Some(found) = found else { return Ok(None) };
    match groups_of(&found, id, secret, now) {
        Ok(groups) => Ok(Some(Authenticated::new(UserInfo::new(format!("{USER_PREFIX}{id}"), groups)))),
        Err(reason) => {
            tracing::debug!(secret.name = name, reason, "a bootstrap token's Secret was found, but does not fit");
            Ok(None)
        }
    }
}

/// The groups of the token, or why the Secret does not accept it.
fn groups_of(found: &Secret, id: &str, secret: &str, now: Timestamp) -> Result<Vec<String>, &'static str> {
    let value = |key: &str| {
        let value = found.data.as_ref().and_then(|data| data.get(key));
        value.map(|value| value.0.as_slice()).unwrap_or_default()
    };
    let text = |key: &str| std::str::from_utf8(value(key)).unwrap_or_default();
    if found.metadata.deletion_timestamp.is_some() {
        return Err("it is deleted and awaiting removal");
    }
    if found.type_.as_deref() != Some(SECRET_TYPE) {
        return Err("it has another type");
    }
    if !bool::from(value("token-secret").ct_eq(secret.as_bytes())) {
        return Err("it has another token-secret");
    }
    if text("token-id") != id {
        return Err("it has another token-id");
    }
    let expiration = value("expiration");
    // An expiration that can't be read counts as past.
    if !expiration.is_empty() && text("expiration").parse::<Timestamp>().map_or(true, |until| until <= now) {
        return Err("it has expired");
    }
    if text("usage-bootstrap-authentication") != "true" {
        return Err("it is not marked usage-bootstrap-authentication=true");
    }
    let mut groups = BTreeSet::from([BOOTSTRAPPERS.to_owned()]);
    let extra = value("auth-extra-groups");
    if !extra.is_empty() {
        for group in text("auth-extra-groups").split(',') {
            if !is_extra_group(group) {
                return Err("it has an invalid group in auth-extra-groups");
            }
            groups.insert(group.to_owned());
        }
    }
    Ok(groups.into_iter().collect())
}

/// Six and sixteen characters of `[a-z0-9]`, with a dot between.
fn split(token: &str) -> Option<(&str, &str)> {
    let (id, secret) = token.split_once('.')?;
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    (id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret)).then_some((id, secret))
}

fn is_extra_group(group: &str) -> bool {
    let Some(rest) = group.strip_prefix(EXTRA_GROUP_PREFIX) else { return false };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=256).contains(&rest.len())
        && rest.bytes().all(|byte| plain(byte) || byte == b':' || byte == b'-')
        && rest.bytes().last().is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::super::service_account::fixture::{Objects, delete, metadata, now, run};
    use super::*;

    const TOKEN: &str = "abcdef.0123456789abcdef";

    fn secret(change: &[(&str, &str)]) -> Secret {
        let mut data: std::collections::BTreeMap<String, ByteString> = [
            ("token-id", "abcdef"),
            ("token-secret", "0123456789abcdef"),
            ("usage-bootstrap-authentication", "true"),
            ("auth-extra-groups", "system:bootstrappers:z,system:bootstrappers:a-b:c"),
        ]
        .map(|(key, value)| (key.to_owned(), ByteString(value.as_bytes().to_vec())))
        .into();
        for (key, value) in change {
            data.insert((*key).to_owned(), ByteString(value.as_bytes().to_vec()));
        }
        Secret {
            metadata: metadata(NAMESPACE, "bootstrap-token-abcdef"),
            type_: Some(SECRET_TYPE.into()),
            data: Some(data),
            ..Secret::default()
        }
    }

    fn ask(token: &str, secret: Secret) -> Option<UserInfo> {
        let mut objects = Objects::default();
        objects.secrets.insert("kube-system/bootstrap-token-abcdef".into(), secret);
        run(authenticate(&objects, token, now())).expect("a look-up").map(|found| found.user)
    }

    #[test]
    fn a_good_token_is_a_bootstrapper() {
        let user = ask(TOKEN, secret(&[])).expect("a user");
        assert_eq!(user.name, "system:bootstrap:abcdef");
        let groups = ["system:bootstrappers", "system:bootstrappers:a-b:c", "system:bootstrappers:z"];
        assert_eq!(user.groups, groups);
        let user = ask(TOKEN, secret(&[("auth-extra-groups", ""), ("expiration", "2999-01-01T00:00:00Z")]));
        assert_eq!(user.expect("a user").groups, ["system:bootstrappers"]);
    }

    #[test]
    fn what_does_not_fit_is_no_opinion() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("abcdef.0123456789abcdee", &[]),
            ("abcdee.0123456789abcdef", &[]),
            ("ABCDEF.0123456789abcdef", &[]),
            ("abcdef.0123456789abcdef.", &[]),
            ("abcdef0123456789abcdef", &[]),
            (TOKEN, &[("token-id", "abcdee")]),
            (TOKEN, &[("usage-bootstrap-authentication", "false")]),
            (TOKEN, &[("expiration", "2020-01-01T00:00:00Z")]),
            (TOKEN, &[("expiration", "soon")]),
            (TOKEN, &[("auth-extra-groups", "system:masters")]),
            (TOKEN, &[("auth-extra-groups", "system:bootstrappers:a,")]),
            (TOKEN, &[("auth-extra-groups", "system:bootstrappers:A")]),
            (TOKEN, &[("auth-extra-groups", "system:bootstrappers:a-")]),
            (TOKEN, &[("auth-extra-groups", "system:bootstrappers:")]),
        ];
        for (token, change) in cases {
            assert_eq!(ask(token, secret(change)), None, "{token} {change:?}");
        }
        assert_eq!(ask(TOKEN, Secret { type_: Some("Opaque".into()), ..secret(&[]) }), None);
        let mut deleted = secret(&[]);
        delete(&mut deleted.metadata, 0);
        assert_eq!(ask(TOKEN, deleted), None);
    }
}
