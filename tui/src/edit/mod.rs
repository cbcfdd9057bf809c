//! What an editor knows of JSON documents: where they come from, what is wrong, what belongs there
//! (ROOF of its files).

pub mod document;
pub mod faults;
pub mod fixes;
pub mod hints;
pub mod insert;
pub mod known;
pub mod three;
