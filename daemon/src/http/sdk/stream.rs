//! One stream to one SDK: everything first, then each change, until it ends.
