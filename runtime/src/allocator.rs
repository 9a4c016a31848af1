//! Where memory comes from. [Decision 18](../../../docs/decisions/0018-mimalloc-is-there-for-who-wants-it.md) says why.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;
