//! What is left of a panic: a terminal that works, a report in a file, and a status that says so.

use std::backtrace::Backtrace;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};

/// The exit status after a panic (`EX_SOFTWARE`).
pub const STATUS: i32 = 70;

/// From now on a panic, in whatever thread, ends the program with [`STATUS`] and leaves a report in `folder`. To be
/// called before the terminal is taken, so that it is given back before anything is said.
pub fn report_to(folder: PathBuf) {
    std::panic::set_hook(Box::new(move |panic| {
        let report = report(panic);
        let what = match write(&folder, &report) {
            Ok(path) => format!("The report is in {}.", path.display()),
            Err(error) => format!("The report could not be written ({error}):\n{report}"),
        };
        let _ = writeln!(
            std::io::stderr(),
            "flagstaff has failed: {}\n{what}\nThe daemon is not touched by this, and drafts are kept.",
            said(panic)
        );
        // Other threads would go on drawing on a terminal that is not ours any more.
        std::process::exit(STATUS);
    }));
}

fn said(panic: &PanicHookInfo<'_>) -> String {
    let text = panic.payload_as_str().unwrap_or("a panic without words");
    match panic.location() {
        Some(at) => format!("{text} ({}:{})", at.file(), at.line()),
        None => text.to_owned(),
    }
}

fn report(panic: &PanicHookInfo<'_>) -> String {
    let thread = std::thread::current();
    format!(
        "flagstaff {}\n{}\nthread {}\n\n{}\n",
        env!("CARGO_PKG_VERSION"),
        said(panic),
        thread.name().unwrap_or("without a name"),
        Backtrace::force_capture()
    )
}

fn write(folder: &Path, report: &str) -> std::io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let path = folder.join(format!("crash-{}.txt", std::process::id()));
    let mut file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    file.write_all(report.as_bytes())?;
    Ok(path)
}
