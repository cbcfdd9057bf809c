//! `flagstaffd backup`: a copy of the database as one file.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use flagstaffd::backup::dump::{self, To};
use flagstaffd::backup::prove;
use flagstaffd::backup::tools::Tools;
use flagstaffd::config::Config;
use flagstaffd::service::verify;
use sqlx::postgres::PgConnection;

use super::session::Session;
use super::{CommandError, audit};

/// Where to, and how sure it shall be.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The copy; else one named by time and revision in backup.directory.
    file: Option<PathBuf>,
    /// Also restore it into a database made for this, and look at it there; needs the right to make databases.
    #[arg(long)]
    prove: bool,
}

/// Makes a copy and proves it.
///
/// # Errors
/// It was not made, or is not good.
pub async fn run(config: Config, wanted: Arguments) -> Result<ExitCode, CommandError> {
    let session = Session::open(&config).await?;
    let done = copy(&config, &session, wanted).await;
    session.close().await;
    for line in done? {
        println!("{line}");
    }
    Ok(ExitCode::SUCCESS)
}

async fn copy(config: &Config, session: &Session, wanted: Arguments) -> Result<Vec<String>, CommandError> {
    let options = session.pool.connect_options();
    let tools = Tools::new(config, &options);
    let to = wanted.file.map_or_else(|| To::Directory(config.backup.directory.clone()), To::File);
    let (path, manifest) = dump::make(&session.pool, &tools, &to, session.clock.now()).await?;
    prove::file(&tools, &path).await?;
    let mut lines = vec![
        format!("{} ({} bytes, position {})", path.display(), manifest.bytes, manifest.position),
        format!("sha256 {}", manifest.sha256),
    ];
    if wanted.prove {
        let id = session.clock.uuid();
        let look = async |conn: &mut PgConnection| Ok(verify::verify(conn).await?);
        let (position, report) = prove::content(&tools, &options, &path, id, look).await?;
        if !report.intact {
            let findings: Vec<String> = report.findings.iter().map(audit::line).collect();
            return Err(CommandError::Unproven(path, findings.join("\n  ")));
        }
        lines.push(format!(
            "restored into a database of its own, it stands at {position} and its history is valid"
        ));
    }
    lines.push(format!(
        "the secrets key is not in it: keep a copy of {} elsewhere",
        config.secrets.key_file.display()
    ));
    Ok(lines)
}
