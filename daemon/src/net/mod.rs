//! The process's edge: listeners, connections, what every request passes, the way out.
//!
//! ROOF: it uses its children; none of them imports it.

pub mod arriving;
pub mod connection;
pub mod drain;
pub mod edge;
pub mod guard;
pub mod limits;
pub mod listen;
pub mod peer;
pub mod places;
pub mod problem;
pub mod request;
pub mod serve;
pub mod tls;
pub mod watch;
