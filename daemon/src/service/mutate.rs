//! Mutations applied to a draft: which of the rooms does which.

use shared::change::{Entity, EntityRef, Mutation};

use super::draft::Draft;
use super::edits::{configs, flags, projects, segments};
use super::{Cx, Refusal, import, promote, revert, system_config};

/// Applies a mutation that stands at `at` of the request.
///
/// # Errors
/// What the mutation is refused for.
pub async fn apply(cx: &Cx, draft: &mut Draft<'_>, mutation: &Mutation, at: &str) -> Result<(), Refusal> {
    match mutation {
        Mutation::CreateProject(p, body) => projects::create_project(cx, draft, p, body, at).await,
        Mutation::UpdateProject(p, patch) => projects::update_project(draft, p, patch, at).await,
        Mutation::CreateEnvironment(p, e, body) => {
            projects::create_environment(cx, draft, p, e, body, at).await
        }
        Mutation::UpdateEnvironment(p, e, patch) => {
            projects::update_environment(draft, p, e, patch, at).await
        }
        Mutation::CreateFlag(p, flag) => flags::create_flag(cx, draft, p, flag, at).await,
        Mutation::UpdateFlag(p, f, patch) => flags::update_flag(draft, p, f, patch, at).await,
        Mutation::ArchiveFlag(p, f) => flags::archive_flag(draft, p, f, true).await,
        Mutation::RestoreFlag(p, f) => flags::archive_flag(draft, p, f, false).await,
        Mutation::SetOn(p, f, e, on) => configs::set_on(cx, draft, p, f, e, *on, at).await,
        Mutation::ReplaceConfig(p, f, e, document, enabled) => {
            configs::replace_config(cx, draft, (p, f, e), document.as_ref(), *enabled, at).await
        }
        Mutation::PatchConfig(p, f, e, patch) => configs::patch_config(draft, p, f, e, patch, at).await,
        Mutation::CreateSegment(p, e, segment) => {
            segments::create_segment(cx, draft, p, e, segment, at).await
        }
        Mutation::UpdateSegment(p, e, s, patch) => segments::update_segment(draft, p, e, s, patch, at).await,
        Mutation::ArchiveSegment(p, e, s) => segments::archive_segment(draft, p, e, s, true).await,
        Mutation::RestoreSegment(p, e, s) => segments::archive_segment(draft, p, e, s, false).await,
        Mutation::PutRoleBinding(binding) => draft.put(Entity::RoleBinding(binding.clone()), at).await,
        Mutation::RemoveRoleBinding(id) => {
            if draft.remove(&EntityRef::RoleBinding(*id)).await? {
                Ok(())
            } else {
                Err(Refusal::unknown(format!("role binding {id}")))
            }
        }
        Mutation::PutToken(token) => draft.put(Entity::Token(token.as_ref().clone()), at).await,
        Mutation::RevokeToken(id) => match draft.get(&EntityRef::Token(*id)).await?.cloned() {
            Some(Entity::Token(mut token)) => {
                token.revoked = true;
                draft.put(Entity::Token(token), at).await
            }
            _ => Err(Refusal::unknown(format!("token {id}"))),
        },
        Mutation::PutCredential(credential) => {
            draft.put(Entity::SdkCredential(credential.as_ref().clone()), at).await
        }
        Mutation::RevokeCredential(id) => match draft.get(&EntityRef::SdkCredential(*id)).await?.cloned() {
            Some(Entity::SdkCredential(mut credential)) => {
                credential.revoked = true;
                draft.put(Entity::SdkCredential(credential), at).await
            }
            _ => Err(Refusal::unknown(format!("SDK credential {id}"))),
        },
        Mutation::Revert(revision) => revert::apply(cx, draft, *revision).await,
        Mutation::Promote(promotion) => promote::apply(cx, draft, promotion, at).await,
        Mutation::EditSystemConfig(wanted) => system_config::apply(cx, draft, wanted, at).await,
        Mutation::Import(import) => import::apply(cx, draft, import).await,
        Mutation::Put(entity) => draft.put(entity.as_ref().clone(), at).await,
    }
}
