//! Small complete programs around the core.
