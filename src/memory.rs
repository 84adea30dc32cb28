//! How memory is taken from the system, and how the process leaves it.

/// Gives memory of large buffers back as soon as they are freed. To be called first, before there are threads.
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

/// Ends the process with code 0, without what C libraries left to be done at its end. To be called when all is done and flushed.
///
/// OpenSSL takes its tables away then, while threads of librdkafka, which ends its clients in the background, may still free
/// what lies in them: a double free, now and then, after everything had been done.
pub fn leave() -> ! {
    use std::io::Write;
    // Nobody is left to be told.
    drop(std::io::stdout().flush());
    drop(std::io::stderr().flush());
    #[expect(
        unsafe_code,
        reason = "the standard library always runs those handlers"
    )]
    // SAFETY: takes a number and does not come back.
    unsafe {
        libc::_exit(0)
    }
}
