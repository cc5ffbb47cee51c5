//! A new file that is there whole or not at all, and never in the place of another.

use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a new file beside its place and moves it there when it is whole.
///
/// # Errors
/// What the writing says, and `AlreadyExists` where there is a file of that name, also one that came meanwhile.
pub fn write_new<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    if path.symlink_metadata().is_ok() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".sessionscope-export-").tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 16, file.as_file_mut());
    let written = write(&mut out)?;
    out.flush()?;
    drop(out);
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|failed| failed.error)?;
    Ok(written)
}
