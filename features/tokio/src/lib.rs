//! Nothing: this crate is here for the features that its manifest asks for.
