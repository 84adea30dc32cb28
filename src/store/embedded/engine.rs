//! Loads the ClickHouse library and runs its command line. One of two files of the project with `unsafe`; the other is `memory.rs`.
#![allow(
    unsafe_code,
    reason = "the engine is a C library; every block says why it holds"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::path::Path;

use libloading::{Library, Symbol};

use super::{DISK_KEY, EmbeddedError};

/// `chdb_query_cmdline`: runs `clickhouse local` with these arguments, returns its result.
type Run = unsafe extern "C" fn(c_int, *mut *mut c_char) -> *mut c_void;
/// `chdb_result_error`: the error of a result, or null.
type ErrorOf = unsafe extern "C" fn(*mut c_void) -> *const c_char;

/// The loaded library. Never unloaded: its threads and thread-local destructors live until the process ends.
pub(super) struct Engine {
    library: ManuallyDrop<Library>,
}

impl Engine {
    /// Loads the library and puts the key of the disk where the server's configuration reads it: in the environment.
    pub(super) fn load(path: &Path, disk_key: &str) -> Result<Engine, EmbeddedError> {
        let failed = |reason: String| EmbeddedError::Library {
            path: path.to_owned(),
            reason,
        };
        // SAFETY: this process has started no other thread yet, so nothing reads the environment meanwhile.
        unsafe { std::env::set_var(DISK_KEY, disk_key) };
        // SAFETY: the operator names the library; its initialisers set up the engine and touch nothing of ours.
        let library = unsafe { Library::new(path) }.map_err(|error| failed(error.to_string()))?;
        let engine = Engine {
            library: ManuallyDrop::new(library),
        };
        // Looked up here already, so that a wrong library is an error at once.
        engine.run_symbol().map_err(failed)?;
        engine.error_symbol().map_err(failed)?;
        Ok(engine)
    }

    /// Runs the command line; returns when it ends.
    pub(super) fn run(&self, arguments: &[String]) -> Result<(), String> {
        let words = arguments
            .iter()
            .map(|word| CString::new(word.as_str()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "an argument holds a NUL byte".to_owned())?;
        let mut pointers: Vec<*mut c_char> =
            words.iter().map(|word| word.as_ptr().cast_mut()).collect();
        let count = c_int::try_from(pointers.len()).map_err(|error| error.to_string())?;
        let run = self.run_symbol()?;
        let error_of = self.error_symbol()?;
        // SAFETY: `pointers` points to `count` strings that end in NUL and outlive the call; the library only reads them.
        let result = unsafe { run(count, pointers.as_mut_ptr()) };
        if result.is_null() {
            return Ok(());
        }
        // SAFETY: `result` is what the library just returned, not yet freed.
        let error = unsafe { error_of(result) };
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: an error that is not null is a string ending in NUL that lives as long as the result.
        let text = unsafe { CStr::from_ptr(error) };
        Err(text.to_string_lossy().into_owned())
    }

    fn run_symbol(&self) -> Result<Symbol<'_, Run>, String> {
        // SAFETY: the type is that of the header that the package ships.
        unsafe { self.library.get(b"chdb_query_cmdline") }.map_err(|error| error.to_string())
    }

    fn error_symbol(&self) -> Result<Symbol<'_, ErrorOf>, String> {
        // SAFETY: the type is that of the header that the package ships.
        unsafe { self.library.get(b"chdb_result_error") }.map_err(|error| error.to_string())
    }
}
