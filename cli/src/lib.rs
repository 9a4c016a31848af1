//! Starts, asks and sets up a herd.
