//! The Flagstaff daemon.
