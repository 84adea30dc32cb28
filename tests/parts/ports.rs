//! Free loopback ports that stay ours.
//!
//! A port found free by binding it to zero can be gone a moment later, to another test or to some outgoing connection.
//! So these come from below the range that the kernel hands out, and a file lock keeps one for as long as its
//! `Ports` lives: a part can be stopped and started again on the same port.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;

/// Neighbouring ports, kept until dropped.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    locks: Vec<File>,
}

impl Ports {
    /// Takes `count` neighbouring ports that nobody uses.
    pub fn take(count: u16) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..COUNT {
            let step = NEXT.fetch_add(u32::from(count), Ordering::Relaxed);
            let offset = std::process::id().wrapping_mul(97).wrapping_add(step) % COUNT;
            let first = u16::try_from(FIRST + offset).expect("ends below 32,768");
            let locks: Option<Vec<File>> = (first..first + count).map(lock).collect();
            if let Some(locks) = locks {
                return Self { first, locks };
            }
        }
        panic!("no {count} free ports from {FIRST} on");
    }

    /// The port number `index` of these.
    pub fn get(&self, index: u16) -> u16 {
        assert!(
            usize::from(index) < self.locks.len(),
            "only as many as were taken"
        );
        self.first + index
    }
}

/// The lock of a port, if neither another harness nor anything else has the port.
fn lock(port: u16) -> Option<File> {
    let folder = std::env::temp_dir().join("gatewatch-ports");
    fs::create_dir_all(&folder).expect("the folder for temporary files takes a folder");
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .open(folder.join(port.to_string()))
        .ok()?;
    file.try_lock().ok()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    Some(file)
}
