//! What a bootstrap token is worth: one write, which uses it up.

use shared::api::problem::ProblemKind;
use shared::change::{Entity, EntityRef};
use uuid::Uuid;

use super::draft::Draft;
use super::{Cx, Refusal};

/// How a caller with one is named in `Caller::credential`; its id follows.
pub const CREDENTIAL: &str = "bootstrap:";

/// A write with the bootstrap token uses it up, in the same transaction: two writes at once cannot both.
///
/// # Errors
/// It is used up already.
pub async fn use_up(cx: &Cx, draft: &mut Draft<'_>) -> Result<(), Refusal> {
    let id = cx.caller.credential.strip_prefix(CREDENTIAL).and_then(|id| id.parse::<Uuid>().ok());
    let Some(id) = id else { return Ok(()) };
    match draft.get(&EntityRef::Token(id)).await?.cloned() {
        Some(Entity::Token(mut token)) if !token.revoked => {
            token.revoked = true;
            draft.put(Entity::Token(token), "").await
        }
        _ => Err(Refusal::Plain(
            ProblemKind::Unauthenticated,
            "the bootstrap token has been used; it works once".to_owned(),
        )),
    }
}
