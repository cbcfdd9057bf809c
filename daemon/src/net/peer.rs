//! Who is at the other end of a connection, as the kernel tells it.

use std::net::SocketAddr;

use tokio::net::UnixStream;

/// The other end of a connection; an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Somebody on the network. The address alone proves nothing.
    Tcp(SocketAddr),
    /// A process on this host.
    Unix {
        /// Its effective user.
        uid: u32,
        /// Its effective group.
        gid: u32,
        /// Its process id, where the system tells it.
        pid: Option<i32>,
        /// All its groups, `gid` first.
        groups: Vec<u32>,
    },
}

impl Peer {
    /// Asks the kernel who opened the other end of a Unix socket.
    ///
    /// Linux knows the groups at the time of connecting (`SO_PEERGROUPS`), but no crate here reads
    /// that option without `unsafe`. So they are read from `/proc`, and only believed if the process
    /// still has the user and the group that the socket was opened with; else `gid` is the only one.
    ///
    /// # Errors
    /// The socket is already gone.
    pub fn of_unix(stream: &UnixStream) -> std::io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let (uid, gid, pid) = (credentials.uid(), credentials.gid(), credentials.pid());
        let mut groups = supplementary(stream, uid, gid, pid);
        groups.retain(|group| *group != gid);
        groups.insert(0, gid);
        Ok(Self::Unix { uid, gid, pid, groups })
    }
}

#[cfg(not(target_os = "macos"))]
fn supplementary(_: &UnixStream, uid: u32, gid: u32, pid: Option<i32>) -> Vec<u32> {
    let Some(pid) = pid.filter(|pid| *pid > 0) else { return Vec::new() };
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    groups_of(&status, uid, gid).unwrap_or_default()
}

#[cfg(target_os = "macos")]
fn supplementary(stream: &UnixStream, uid: u32, _: u32, _: Option<i32>) -> Vec<u32> {
    use nix::sys::socket::{getsockopt, sockopt::LocalPeerCred};
    match getsockopt(stream, LocalPeerCred) {
        Ok(credentials) if credentials.uid() == uid => credentials.groups().to_vec(),
        _ => Vec::new(),
    }
}

/// The groups in a `/proc/PID/status`, if it is of a process with this effective user and group.
#[cfg_attr(target_os = "macos", allow(dead_code))]
fn groups_of(status: &str, uid: u32, gid: u32) -> Option<Vec<u32>> {
    let numbers = |name: &str| -> Option<Vec<u32>> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().map(|number| number.parse().ok()).collect()
    };
    // The four numbers are real, effective, saved and file-system id.
    let effective = |name| numbers(name)?.get(1).copied();
    (effective("Uid") == Some(uid) && effective("Gid") == Some(gid)).then(|| numbers("Groups"))?
}

#[cfg(test)]
mod tests {
    use super::groups_of;

    const STATUS: &str = "Name:\tx\nUid:\t1000\t1001\t1000\t1000\nGid:\t5\t6\t5\t5\nGroups:\t6 27 100 \n";

    #[test]
    fn groups_are_those_of_the_process_that_connected() {
        assert_eq!(groups_of(STATUS, 1001, 6), Some(vec![6, 27, 100]));
    }

    #[test]
    fn a_process_with_another_user_or_group_lends_no_groups() {
        assert_eq!(groups_of(STATUS, 1000, 6), None);
        assert_eq!(groups_of(STATUS, 1001, 5), None);
        assert_eq!(groups_of("", 0, 0), None);
        assert_eq!(groups_of("Uid:\t1 1 1 1\nGid:\t1 1 1 1\nGroups: x\n", 1, 1), None);
    }
}
