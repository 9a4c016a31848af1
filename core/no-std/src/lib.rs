//! The core in a program that has no `std`.
#![no_std]

use core::panic::PanicInfo;

use linked_list_allocator::LockedHeap;

#[global_allocator]
static HEAP: LockedHeap = LockedHeap::empty();

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Names enough of the core to have all of it linked.
pub fn herd(config: herd_core::Config) -> Result<herd_core::Herd, herd_core::ConfigError> {
    herd_core::Herd::new(config)
}
