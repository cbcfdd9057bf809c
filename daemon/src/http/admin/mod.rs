//! ROOF: the rooms of our own API, one file a noun.

pub mod access;
pub mod audit;
pub mod audit_shapes;
pub mod backups;
pub mod changes;
pub mod compare;
pub mod credentials;
pub mod environments;
pub mod evaluate;
pub mod evaluation;
pub mod export;
pub mod flags;
pub mod import;
pub mod matrix;
pub mod membership;
pub mod projects;
pub mod schemas;
pub mod segments;
pub mod usage;
