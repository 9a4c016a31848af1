//! Where memory comes from. [Decision 18](../../../docs/decisions/0018-memory-comes-from-mimalloc.md) says why.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
