//! The program itself: its arguments and how it ends.

use std::process::{Command, Output};

fn flagstaffd(folder: &std::path::Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_flagstaffd"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("XDG_CONFIG_HOME", folder)
        .envs(variables.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn check_config_shows_every_value_its_origin_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("flagstaff")).unwrap();
    std::fs::write(folder.path().join("flagstaff/flagstaffd.toml"), "[live]\nring_frames = 7\n").unwrap();
    std::fs::write(folder.path().join(".env"), "DB_PASSWORD=hunter2\nPORT=4000\nDB_NAME=dotenv\n").unwrap();
    let output = flagstaffd(folder.path(), &["check-config"], &[("DB_NAME", "flags")]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let line = |key: &str| {
        let found = text.lines().find(|line| line.split(' ').next() == Some(key));
        found
            .unwrap_or_else(|| panic!("{key} is missing in {text}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(line("database.name"), "database.name = \"flags\" # environment variable DB_NAME");
    assert_eq!(line("database.password"), "database.password = (hidden) # .env variable DB_PASSWORD");
    assert_eq!(line("http.listen"), "http.listen = \"127.0.0.1:4000\" # .env variable PORT");
    assert_eq!(line("http.headers"), "http.headers = 64 # default");
    assert!(line("live.ring_frames").ends_with("flagstaff/flagstaffd.toml line 2"));
    assert!(!text.contains("hunter2"));
}

#[test]
fn a_wrong_configuration_ends_with_2_and_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = flagstaffd(folder.path(), &["serve"], &[("FLAGSTAFF_HTTP_LISTEN", "0.0.0.0:80")]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.starts_with("flagstaffd: environment variable FLAGSTAFF_HTTP_LISTEN: `http.listen`"),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    let output = flagstaffd(folder.path(), &["serve", "--config", "nowhere.toml"], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.toml"));
}
