//! Whole programs under test.
