//! How memory is taken from the system.

use tikv_jemallocator::Jemalloc;

/// A block is a hundred thousand small things that are made together and die together, some in between. The C library's allocator joins and splits its free
/// chunks over and over then. jemalloc keeps each size in slabs of its own ([ADR 0019](../docs/adr/0019-jemalloc.md)).
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// What jemalloc is told as it starts: freed pages go back to the system within a second, and not within ten; and large buffers, which a block of events has some of, are
/// taken up again like all others, and not given back as soon as they are freed.
#[expect(
    unsafe_code,
    reason = "jemalloc looks for a symbol of this name, which nothing else may have"
)]
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static SETTINGS: &[u8; 58] = b"dirty_decay_ms:1000,muzzy_decay_ms:0,oversize_threshold:0\0";

/// Gives memory of large buffers of C libraries back as soon as they are freed. To be called first, before there are threads.
///
/// glibc asks the system for a buffer of 128 KiB or more, at first; but with each one that is freed it raises that bound, up to
/// 32 MiB, and from then on buffers lie between small things that live longer and keep the memory behind them. A bound that is set
/// stays. With the buffers of a backlog it is a quarter of the resident set; see `service_rss_mib` in `benches/end_to_end.rs`.
pub fn return_large_buffers() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the C library has no other way to say it")]
    // SAFETY: takes two numbers, and touches nothing but the allocator's own settings, under its own lock.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
    }
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE: libc::c_int = 128 * 1024;
