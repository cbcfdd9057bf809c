//! ROOF: a session without a terminal and without a daemon, on answers that a daemon once gave.

pub mod answers;
pub mod hostile;
pub mod many;
pub mod places;
pub mod session;
