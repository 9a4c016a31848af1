//! One herd server on tokio and reqwest.
