//! DELETE of a collection: what the selectors select, one by one.

use actix_web::HttpResponse;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::delete::remove;
use crate::negotiation::Encoding;
use crate::registry::body;
use crate::registry::call::Call;
use crate::registry::option::{DeleteOptions, ListOptions};
use crate::registry::read::{self, Found};
use crate::status::ApiError;

/// How many deletes are under way at once; the store commits them in groups.
const AT_ONCE: usize = 64;

/// Deletes all objects that are selected, and answers with the list of them as they were. Not atomic, as upstream's is
/// not: the first error is answered, and what went until then is gone.
pub(in crate::registry) async fn delete_collection(call: &Call<'_>, body: &Bytes) -> Result<HttpResponse, ApiError> {
    let list = ListOptions::read(&call.query, call.served().row, false, "")?;
    let encoding = if body.is_empty() { Encoding::Json } else { body::encoding(&call.http)? };
    let options = DeleteOptions::read(&call.query, encoding, body)?;
    let found: Found = read::find(call, &list).await?;
    let mut deletes = stream::iter(&found.entries)
        .map(|entry| remove(call, entry.name(), entry.namespace(), &options))
        .buffer_unordered(AT_ONCE);
    while let Some(deleted) = deletes.next().await {
        match deleted {
            // Gone already is as good.
            Ok(_) | Err(ApiError::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
    }
    drop(deletes);
    read::answer_list(call, &found)
}
