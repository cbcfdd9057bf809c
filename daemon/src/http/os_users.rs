//! OS users over the socket: their names and groups, and what the configuration gives them.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Gid, Group, Uid, User};
use shared::access::{Role, RoleBinding};
use uuid::Uuid;

use crate::config::model::{Local, LocalRole};

/// Who cannot be named in this user namespace: any number of users look like this one.
const OVERFLOW: u32 = 65534;
/// How long a name is remembered: a directory service must not be asked for each request.
const REMEMBERED: Duration = Duration::from_secs(10);
/// The most names that are remembered.
const MOST: usize = 10_000;

type Cache<K, V> = LazyLock<Mutex<HashMap<K, (Instant, V)>>>;
static USERS: Cache<u32, Option<String>> = LazyLock::new(Mutex::default);
static GROUPS: Cache<u32, Option<String>> = LazyLock::new(Mutex::default);
static PEOPLE: Cache<String, Option<OsUser>> = LazyLock::new(Mutex::default);

fn remembered<K: Eq + Hash + Clone, V: Clone>(cache: &Cache<K, V>, key: &K, look: impl FnOnce() -> V) -> V {
    let now = Instant::now();
    {
        let known = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, value)) = known.get(key)
            && now.duration_since(*at) < REMEMBERED
        {
            return value.clone();
        }
    }
    let value = look();
    let mut known = cache.lock().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(key.clone(), (now, value.clone()));
    value
}

/// A user of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OsUser {
    /// The number.
    pub uid: u32,
    /// The name, where there is one.
    pub name: Option<String>,
    /// The groups, each with its name where there is one.
    pub groups: Vec<(u32, Option<String>)>,
}

impl OsUser {
    /// Who is at the other end of the socket, as the kernel says.
    pub fn of_peer(uid: u32, groups: &[u32]) -> Self {
        let name = remembered(&USERS, &uid, || {
            User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
        });
        Self {
            uid,
            name,
            groups: groups.iter().filter(|gid| **gid != OVERFLOW).map(|gid| group(*gid)).collect(),
        }
    }

    /// Who a principal like `os:alice` or `os:uid:1000` is now; the owner of a token need not be connected.
    pub fn of_principal(principal: &str) -> Option<Self> {
        let name = principal.strip_prefix("os:")?;
        if let Some(uid) = name.strip_prefix("uid:") {
            return Some(Self { uid: uid.parse().ok()?, name: None, groups: Vec::new() });
        }
        remembered(&PEOPLE, &name.to_owned(), || {
            let user = User::from_name(name).ok().flatten()?;
            let groups = groups_of(&user);
            Some(Self { uid: user.uid.as_raw(), name: Some(user.name), groups })
        })
    }

    /// How the audit names the user.
    pub fn principal(&self) -> String {
        self.name.as_ref().map_or_else(|| format!("os:uid:{}", self.uid), |name| format!("os:{name}"))
    }

    fn is(&self, named: &str) -> bool {
        // A number is a number, whatever somebody may be called.
        named.parse::<u32>().map_or_else(|_| self.name.as_deref() == Some(named), |uid| uid == self.uid)
    }

    /// What the user may do: the configuration's roles, and those of `bindings` that are for them.
    pub fn roles<'b>(
        &self,
        local: &Local,
        daemon: u32,
        bindings: impl Iterator<Item = &'b RoleBinding>,
    ) -> Vec<RoleBinding> {
        let principal = self.principal();
        if self.uid == daemon || local.owners.iter().any(|owner| self.is(owner)) {
            // No binding can lock the owner of the host out.
            return vec![everywhere(&principal, Role::Owner)];
        }
        let mut given = Vec::new();
        let mut subjects = vec![principal.clone()];
        let mut denied = self.uid == OVERFLOW;
        if !denied {
            for (gid, name) in &self.groups {
                let named = name.clone().unwrap_or_else(|| gid.to_string());
                let subject = format!("group:{named}");
                match local.groups.get(&named).or_else(|| local.groups.get(&gid.to_string())) {
                    Some(LocalRole::Deny) => denied = true,
                    Some(role) => given.extend(role_of(*role).map(|role| everywhere(&subject, role))),
                    None => {}
                }
                subjects.push(subject);
            }
            subjects.push("*".to_owned());
            given.extend(role_of(local.default).map(|role| everywhere("*", role)));
        }
        if denied {
            given.clear();
            subjects = vec![principal];
        }
        given.extend(bindings.filter(|b| subjects.contains(&b.subject)).cloned());
        given
    }
}

fn group(gid: u32) -> (u32, Option<String>) {
    let name = remembered(&GROUPS, &gid, || {
        Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
    });
    (gid, name)
}

#[cfg(not(target_vendor = "apple"))]
fn groups_of(user: &User) -> Vec<(u32, Option<String>)> {
    let Ok(name) = std::ffi::CString::new(user.name.as_str()) else { return Vec::new() };
    let groups = nix::unistd::getgrouplist(&name, user.gid).unwrap_or_else(|_| vec![user.gid]);
    groups.into_iter().map(Gid::as_raw).filter(|gid| *gid != OVERFLOW).map(group).collect()
}

#[cfg(target_vendor = "apple")]
fn groups_of(user: &User) -> Vec<(u32, Option<String>)> {
    vec![group(user.gid.as_raw())]
}

/// A role that no row binds.
pub fn everywhere(subject: &str, role: Role) -> RoleBinding {
    RoleBinding {
        id: Uuid::nil(),
        subject: subject.to_owned(),
        role,
        project: "*".to_owned(),
        environment: "*".to_owned(),
    }
}

const fn role_of(role: LocalRole) -> Option<Role> {
    match role {
        LocalRole::Deny => None,
        LocalRole::Auditor => Some(Role::Auditor),
        LocalRole::Viewer => Some(Role::Viewer),
        LocalRole::Editor => Some(Role::Editor),
        LocalRole::Admin => Some(Role::Admin),
        LocalRole::Owner => Some(Role::Owner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(owners: &[&str], groups: &[(&str, LocalRole)], default: LocalRole) -> Local {
        Local {
            owners: owners.iter().map(ToString::to_string).collect(),
            groups: groups.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect(),
            default,
        }
    }

    fn alice(groups: &[(u32, Option<&str>)]) -> OsUser {
        let groups = groups.iter().map(|(gid, name)| (*gid, name.map(str::to_owned))).collect();
        OsUser { uid: 1000, name: Some("alice".to_owned()), groups }
    }

    fn role(user: &OsUser, local: &Local, bindings: &[RoleBinding]) -> Option<Role> {
        let roles = user.roles(local, 33, bindings.iter());
        shared::access::binding_at(&roles, &shared::access::Scope::INSTALLATION).map(|b| b.role)
    }

    #[test]
    fn the_configuration_gives_roles_by_name_and_by_number() {
        let groups = [("flagstaff", LocalRole::Editor), ("2000", LocalRole::Admin)];
        let config = local(&["root"], &groups, LocalRole::Viewer);
        assert_eq!(role(&alice(&[]), &config, &[]), Some(Role::Viewer));
        assert_eq!(role(&alice(&[(7, Some("flagstaff"))]), &config, &[]), Some(Role::Editor));
        assert_eq!(role(&alice(&[(7, Some("flagstaff")), (2000, None)]), &config, &[]), Some(Role::Admin));
        assert_eq!(role(&alice(&[]), &local(&["1000"], &[], LocalRole::Deny), &[]), Some(Role::Owner));
        assert_eq!(role(&alice(&[]), &local(&["alice"], &[], LocalRole::Deny), &[]), Some(Role::Owner));
        assert_eq!(role(&alice(&[]), &local(&["root", "0"], &[], LocalRole::Deny), &[]), None);
    }

    #[test]
    fn a_user_who_is_called_like_a_number_is_not_that_number() {
        let zero = OsUser { uid: 1000, name: Some("0".to_owned()), groups: Vec::new() };
        assert_eq!(role(&zero, &local(&["0"], &[], LocalRole::Deny), &[]), None);
    }

    #[test]
    fn the_daemons_user_is_owner_whatever_is_bound() {
        let own = OsUser { uid: 33, name: Some("flagstaff".to_owned()), groups: Vec::new() };
        let bound = [everywhere("os:flagstaff", Role::Viewer)];
        assert_eq!(role(&own, &local(&[], &[], LocalRole::Deny), &bound), Some(Role::Owner));
    }

    #[test]
    fn nobody_is_denied_unless_named() {
        let nobody =
            OsUser { uid: OVERFLOW, name: Some("nobody".to_owned()), groups: vec![(5, Some("g".into()))] };
        let config = local(&["root"], &[("g", LocalRole::Editor)], LocalRole::Viewer);
        assert_eq!(role(&nobody, &config, &[everywhere("*", Role::Viewer)]), None);
        assert_eq!(role(&nobody, &config, &[everywhere("os:nobody", Role::Viewer)]), Some(Role::Viewer));
    }

    #[test]
    fn a_group_that_is_denied_takes_what_the_default_gives() {
        let config = local(&[], &[("guests", LocalRole::Deny)], LocalRole::Viewer);
        assert_eq!(role(&alice(&[(8, Some("guests"))]), &config, &[]), None);
    }

    #[test]
    fn a_binding_of_the_person_counts_before_that_of_a_group() {
        let config = local(&[], &[("dev", LocalRole::Admin)], LocalRole::Deny);
        let bound = [everywhere("os:alice", Role::Viewer)];
        assert_eq!(role(&alice(&[(8, Some("dev"))]), &config, &bound), Some(Role::Viewer));
        let bound = [everywhere("group:dev", Role::Owner)];
        assert_eq!(role(&alice(&[(8, Some("dev"))]), &config, &bound), Some(Role::Owner));
    }

    #[test]
    fn a_user_without_an_entry_goes_by_the_number() {
        let ghost = OsUser::of_principal("os:uid:987654").unwrap();
        assert_eq!(ghost.principal(), "os:uid:987654");
        assert_eq!(OsUser::of_principal("user:alice"), None);
        assert_eq!(OsUser::of_principal("os:root").unwrap().uid, 0);
    }
}
