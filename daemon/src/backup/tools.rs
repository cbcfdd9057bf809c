//! `pg_dump` and `pg_restore`: where they are, and how they are told the address and the password.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::process::Command;

use super::BackupError;
use crate::config::Config;
use crate::postgres::find;

/// As much of a program's complaint as is kept.
const COMPLAINT: usize = 4_000;

/// The programs and the database they work on.
#[derive(Clone, Debug)]
pub struct Tools {
    dir: Option<PathBuf>,
    variables: Vec<(&'static str, String)>,
}

impl Tools {
    /// The configured folder, else that of the server programs, else the path; for this database.
    pub fn new(config: &Config, options: &PgConnectOptions) -> Self {
        let bin = Some(config.postgres.bin.as_path()).filter(|bin| !bin.as_os_str().is_empty());
        let found = find::binaries(bin, Some(&config.postgres.data)).ok().map(|binaries| binaries.dir);
        let dir = bin.map(Path::to_path_buf).or(found).filter(|dir| dir.join("pg_dump").exists());
        Self { dir, variables: variables(options) }
    }

    /// The same programs for another database of that server.
    #[must_use]
    pub fn on(&self, options: &PgConnectOptions) -> Self {
        Self { dir: self.dir.clone(), variables: variables(options) }
    }

    /// The database's name.
    pub fn database(&self) -> &str {
        self.variables.iter().find(|(name, _)| *name == "PGDATABASE").map_or("", |(_, value)| value)
    }

    /// Runs a program to its end and answers what it wrote. Dropping the future kills it.
    ///
    /// # Errors
    /// It is missing, or did not do it.
    pub async fn run(
        &self,
        program: &'static str,
        arguments: &[&std::ffi::OsStr],
    ) -> Result<String, BackupError> {
        let path = self.dir.as_ref().map_or_else(|| PathBuf::from(program), |dir| dir.join(program));
        let mut command = Command::new(&path);
        command.env_clear().env("LC_ALL", "C");
        for name in ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // Never an argument: those can be read by every user of the machine.
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C in a terminal is the daemon's business.
        command.process_group(0).kill_on_drop(true);
        let output = match command.output().await {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BackupError::Missing { program, install: find::install_line() });
            }
            Err(source) => return Err(BackupError::Files { doing: "run", path, source }),
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said: String = said.trim().chars().take(COMPLAINT).collect();
        Err(BackupError::Failed { program, status: output.status.to_string(), output: said })
    }
}

/// The address as libpq reads it from its environment.
fn variables(options: &PgConnectOptions) -> Vec<(&'static str, String)> {
    let url = options.to_url_lossy();
    let host = options
        .get_socket()
        .map_or_else(|| options.get_host().to_owned(), |socket| socket.display().to_string());
    let ssl = match options.get_ssl_mode() {
        PgSslMode::Disable => "disable",
        PgSslMode::Allow => "allow",
        PgSslMode::Prefer => "prefer",
        PgSslMode::Require => "require",
        PgSslMode::VerifyCa => "verify-ca",
        PgSslMode::VerifyFull => "verify-full",
    };
    let mut variables = vec![
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string()),
        ("PGUSER", options.get_username().to_owned()),
        ("PGDATABASE", options.get_database().unwrap_or(options.get_username()).to_owned()),
        ("PGSSLMODE", ssl.to_owned()),
        ("PGAPPNAME", "flagstaffd backup".to_owned()),
        ("PGCONNECT_TIMEOUT", "10".to_owned()),
    ];
    if let Some(password) = url.password() {
        variables.push(("PGPASSWORD", decode(password)));
    }
    for (name, value) in url.query_pairs() {
        let variable = match name.as_ref() {
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => "PGSSLROOTCERT",
            "sslcert" | "ssl-cert" => "PGSSLCERT",
            "sslkey" | "ssl-key" => "PGSSLKEY",
            _ => continue,
        };
        variables.push((variable, value.into_owned()));
    }
    variables
}

/// Takes the percent signs out of a part of an address.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Vec<(&'static str, String)> {
        variables(&url.parse().unwrap())
    }

    fn get<'a>(variables: &'a [(&'static str, String)], name: &str) -> Option<&'a str> {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_password_with_every_kind_of_sign_arrives_as_it_is() {
        let found = of("postgres://me:p%40ss%3Aw%2F%25rd%20%C3%A9@db.example:6543/flags?sslmode=require");
        assert_eq!(get(&found, "PGPASSWORD"), Some("p@ss:w/%rd é"));
        assert_eq!(get(&found, "PGHOST"), Some("db.example"));
        assert_eq!(get(&found, "PGPORT"), Some("6543"));
        assert_eq!(get(&found, "PGUSER"), Some("me"));
        assert_eq!(get(&found, "PGDATABASE"), Some("flags"));
        assert_eq!(get(&found, "PGSSLMODE"), Some("require"));
    }

    #[test]
    fn a_socket_is_named_by_its_directory() {
        let found = of("postgres://me@localhost/flags?host=/run/some%20where");
        assert_eq!(get(&found, "PGHOST"), Some("/run/some where"));
        assert_eq!(get(&found, "PGPASSWORD"), None);
    }

    #[test]
    fn a_lone_percent_sign_stays() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%41"), "%zzA");
    }
}
