//! One herd server on async-std and surf.
