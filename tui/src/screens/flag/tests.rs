//! One flag on the screen.
