//! Disks that are small or read-only, mounted for a test where that is allowed.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::Context as _;

/// A file system of its own at a folder, gone when dropped.
pub struct Mount(PathBuf);

impl Mount {
    /// A disk of this size in memory, such as `4m`; `None`, said aloud, where that cannot be mounted.
    #[must_use]
    pub fn small_disk(at: &Path, size: &str) -> Option<Self> {
        Self::mounted(at, &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
    }

    /// The folder itself, read-only; `None`, said aloud, where that cannot be mounted.
    #[must_use]
    pub fn read_only(at: &Path) -> Option<Self> {
        let path = at.to_string_lossy().into_owned();
        let mount = Self::mounted(at, &["--bind", &path])?;
        Self::mount_once(at, &["-o", "remount,bind,ro"]).then_some(mount)
    }

    /// Takes all the room that is left on it.
    ///
    /// # Errors
    /// When room is left in spite of that.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut file = File::create(self.filler()).context("making a file that fills the disk")?;
        loop {
            match file.write_all(&[0; 4096]) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
    }

    /// Gives the room back that [`Mount::fill`] took.
    ///
    /// # Errors
    /// When it took none.
    pub fn clear(&self) -> anyhow::Result<()> {
        fs::remove_file(self.filler()).context("removing the file that fills the disk")
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    fn mounted(at: &Path, args: &[&str]) -> Option<Self> {
        Self::mount_once(at, args).then(|| Self(at.to_owned()))
    }

    fn mount_once(at: &Path, args: &[&str]) -> bool {
        static SAID: OnceLock<()> = OnceLock::new();
        let mounted = Command::new("mount").args(args).arg(at).output().is_ok_and(|output| output.status.success());
        if !mounted {
            // Straight to the terminal, for the test harness keeps what tests that pass print.
            SAID.get_or_init(|| {
                drop(std::io::stderr().write_all(b"NOT TESTED: nothing can be mounted here, which needs root\n"))
            });
        }
        mounted
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a killed process may still be on its way out.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
