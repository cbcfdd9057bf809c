//! What the configuration promises.

use std::path::PathBuf;

use super::error::{ConfigError, Origin};
use super::load::Loaded;
use super::model::{AccessMode, Config, LocalRole, Target};
use super::places::Places;
use super::readable::{Cidr, Ssl};
use super::sources::Sources;

fn nothing() -> Sources {
    let places = Places { config: "/c".into(), data: "/d".into(), runtime: Some("/run/user/7".into()) };
    Sources { file: None, dotenv: vec![], env: vec![], places }
}

fn file(text: &str) -> Sources {
    Sources { file: Some((PathBuf::from("/c/flagstaffd.toml"), text.into())), ..nothing() }
}

fn env(pairs: &[(&str, &str)]) -> Sources {
    Sources { env: owned(pairs), ..nothing() }
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn refusal(sources: &Sources) -> String {
    Config::load(sources).expect_err("this configuration is wrong").to_string()
}

#[test]
fn without_sources_the_example_file_is_the_configuration() {
    let config = Config::load(&nothing()).unwrap();
    assert_eq!(config.http.listen, Some("127.0.0.1:3001".parse().unwrap()));
    assert_eq!(config.http.head_bytes, 64 * 1024);
    assert_eq!(config.socket.mode, 0o660);
    assert_eq!(config.database.target(), Target::Private);
    assert_eq!(config.access.mode, AccessMode::Normal);
    assert_eq!(config.data.directory, PathBuf::from("/d"));
    assert_eq!(config.secrets.key_file, PathBuf::from("/d/secrets.key"));
    assert_eq!(config.socket.path, PathBuf::from("/run/user/7/flagstaff/flagstaffd.sock"));
    assert_eq!(Config::load(&file(super::layers::EXAMPLE)).unwrap(), config);
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_right_one() {
    let text = refusal(&file("[http]\nlisten = \"off\"\n\n[database]\npool_maxx = 3\n"));
    assert_eq!(
        text,
        "/c/flagstaffd.toml line 5: there is no key `database.pool_maxx`; did you mean `database.pool_max`?"
    );
    let text = refusal(&file("[server]\nlisten = \"off\"\n"));
    assert!(text.contains("`server.listen`; did you mean `http.listen`?"), "{text}");
}

#[test]
fn a_wrong_value_is_refused_with_file_line_key_and_value() {
    let text = refusal(&file("[live]\npoll_interval = \"soon\"\n"));
    assert!(
        text.starts_with(
            "/c/flagstaffd.toml line 2: `live.poll_interval` can't be \"soon\": write a duration"
        ),
        "{text}"
    );
    let text = refusal(&env(&[("DB_PORT", "many")]));
    assert!(text.starts_with("environment variable DB_PORT: `database.port` can't be \"many\""), "{text}");
    let text = refusal(&file("http = 3\n"));
    assert!(text.contains("line 1") && text.contains("http"), "{text}");
    let text = refusal(&file("[http]\n[database]\npassword = hunter2\n"));
    assert!(text.starts_with("/c/flagstaffd.toml: line 3: "), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn variables_win_over_dotenv_which_wins_over_the_file() {
    let mut sources = file("[database]\nname = \"file\"\nuser = \"file\"\nhost = \"file\"\n");
    sources.dotenv = owned(&[("DB_NAME", "dotenv"), ("DB_USER", "dotenv")]);
    sources.env = owned(&[("DB_NAME", "env")]);
    let loaded = Loaded::from(&sources).unwrap();
    let database = &loaded.config.database;
    assert_eq!(
        (database.name.as_str(), database.user.as_str(), database.host.as_str()),
        ("env", "dotenv", "file")
    );
    let origin = |key: &str| loaded.effective.iter().find(|(k, ..)| k == key).unwrap().2.clone();
    assert_eq!(origin("database.name"), Origin::Env("DB_NAME".into()));
    assert_eq!(origin("database.user"), Origin::DotEnv("DB_USER".into()));
    assert_eq!(origin("database.host"), Origin::File("/c/flagstaffd.toml".into(), Some(4)));
    assert_eq!(origin("database.port"), Origin::Default);
}

#[test]
fn the_seeds_dotenv_file_means_its_database_its_port_and_its_browser() {
    let mut sources = nothing();
    sources.dotenv = owned(&[
        ("DB_HOST", "localhost"),
        ("DB_PORT", "5432"),
        ("DB_NAME", "feature_flags"),
        ("DB_USER", "postgres"),
        ("DB_PASSWORD", ""),
        ("DB_POOL_MAX", "20"),
        ("DB_SSL", "false"),
        ("PORT", "4001"),
        ("CORS_ORIGIN", "http://localhost:3000"),
        ("REACT_APP_API_URL", "http://localhost:3001/api"),
    ]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database.target(), Target::Parts { host: "localhost", name: "feature_flags" });
    assert_eq!(config.database.ssl, Ssl::Disable);
    assert_eq!(config.database.pool_max, 20);
    assert_eq!(config.http.listen, Some("127.0.0.1:4001".parse().unwrap()));
    assert_eq!(config.http.cors_origin, ["http://localhost:3000"]);
}

#[test]
fn any_of_url_host_and_name_means_connect_and_the_url_wins() {
    let target =
        |pairs: &[(&str, &str)]| format!("{:?}", Config::load(&env(pairs)).unwrap().database.target());
    assert_eq!(target(&[("DB_USER", "x"), ("DB_PORT", "1")]), "Private");
    assert_eq!(target(&[("DB_NAME", "x")]), "Parts { host: \"localhost\", name: \"x\" }");
    assert_eq!(target(&[("DB_HOST", "h")]), "Parts { host: \"h\", name: \"feature_flags\" }");
    assert_eq!(target(&[("DB_HOST", "h"), ("DATABASE_URL", "postgres://a:b@c/d")]), "Url((hidden))");
}

#[test]
fn every_key_has_its_own_variable_and_a_slip_in_one_is_refused() {
    let config = Config::load(&env(&[
        ("PORT", "1"),
        ("FLAGSTAFF_HTTP_LISTEN", "[::1]:2"),
        ("FLAGSTAFF_HTTP_TLS_HANDSHAKE_TIMEOUT", "2s"),
        ("FLAGSTAFF_ACCESS_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("FLAGSTAFF_ACCESS_LOCAL_GROUPS", "{ wheel = \"admin\" }"),
        ("FLAGSTAFF_SOCKET_ENABLED", "no"),
        ("FLAGSTAFF_TOKEN", "the terminal's"),
        ("FLAGSTAFF_HTTP_SERVICE_HOST", "10.1.2.3"),
        ("FLAGSTAFF_HTTP_PORT_3001_TCP", "tcp://10.1.2.3:3001"),
    ]))
    .unwrap();
    assert_eq!(config.http.listen, Some("[::1]:2".parse().unwrap()));
    assert_eq!(config.http.tls.handshake_timeout.as_secs(), 2);
    assert!(config.access.trusted_proxies[0].contains("10.9.9.9".parse().unwrap()));
    assert!(config.access.trusted_proxies[1].contains("::1".parse().unwrap()));
    assert_eq!(config.access.local.groups["wheel"], LocalRole::Admin);
    assert!(!config.socket.enabled);
    let text = refusal(&env(&[("FLAGSTAFF_HTTP_LISTN", "x")]));
    assert!(text.contains("did you mean `FLAGSTAFF_HTTP_LISTEN`?"), "{text}");
}

#[test]
fn an_address_beyond_loopback_needs_tls_or_the_word() {
    let text = refusal(&env(&[("FLAGSTAFF_HTTP_LISTEN", "0.0.0.0:3001")]));
    assert!(
        text.starts_with("environment variable FLAGSTAFF_HTTP_LISTEN: `http.listen`: 0.0.0.0:3001"),
        "{text}"
    );
    let open = "[http]\nlisten = \"0.0.0.0:3001\"\n";
    assert!(Config::load(&file(&format!("{open}insecure_http = true\n"))).is_ok());
    assert!(Config::load(&file(&format!("{open}[http.tls]\ncertificate = \"c\"\nkey = \"k\"\n"))).is_ok());
    let half = refusal(&file("[http.tls]\ncertificate = \"c\"\n"));
    assert!(half.contains("`http.tls.key`"), "{half}");
    let demo = Config::load_demo(&file(&format!("{open}insecure_http = true\n"))).unwrap_err().to_string();
    assert!(demo.contains("a demo listens on loopback only"), "{demo}");
}

#[test]
fn a_demo_has_a_data_directory_and_a_socket_of_its_own() {
    let mut sources = nothing();
    sources.places.data = "/home/a/.local/share/flagstaff".into();
    let config = Config::load_demo(&sources).unwrap();
    assert_eq!(config.access.mode, AccessMode::Demo);
    assert_eq!(config.socket.path, PathBuf::from("/home/a/.local/share/flagstaff-demo/flagstaffd.sock"));
    assert_eq!(config.postgres.data, PathBuf::from("/home/a/.local/share/flagstaff-demo/postgres"));
}

#[test]
fn secrets_are_read_from_files_and_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, "hunter2\n").unwrap();
    let word = format!("file:{}", path.display());
    let loaded =
        Loaded::from(&env(&[("DB_PASSWORD", &word), ("DATABASE_URL", "postgres://a:hunter2@b/c")])).unwrap();
    assert_eq!(loaded.config.database.password.reveal(), "hunter2");
    assert!(!format!("{loaded:?}").contains("hunter2"), "a secret was printed");
    let missing = refusal(&env(&[("DB_PASSWORD", "file:/nowhere/at/all")]));
    assert!(missing.contains("`database.password` can't be \"file:/nowhere/at/all\""), "{missing}");
    let number = refusal(&file("[database]\npassword = 4711\n"));
    assert!(!number.contains("4711"), "{number}");
}

#[test]
fn values_that_would_stop_the_daemon_from_working_are_refused() {
    for (key, value) in [
        ("FLAGSTAFF_LIVE_POLL_INTERVAL", "0ms"),
        ("FLAGSTAFF_DATABASE_POOL_MAX", "0"),
        ("FLAGSTAFF_HTTP_HEADERS", "-1"),
        ("FLAGSTAFF_HTTP_HEAD_BYTES", "99999999999GiB"),
        ("FLAGSTAFF_SOCKET_MODE", "0888"),
        ("FLAGSTAFF_ACCESS_MODE", "open"),
        ("FLAGSTAFF_LOG_LEVEL", "flagstaffd=loudly"),
        ("FLAGSTAFF_ACCESS_TRUSTED_PROXIES", "10.0.0.0/33"),
        ("CORS_ORIGIN", "localhost:3000"),
        ("PORT", "70000"),
    ] {
        let error = Config::load(&env(&[(key, value)])).expect_err(key);
        assert!(error.to_string().contains(&format!("environment variable {key}")), "{error}");
        assert!(matches!(error, ConfigError::Value { .. } | ConfigError::Together { .. }), "{error}");
    }
}

#[test]
fn a_network_holds_its_addresses_and_no_others() {
    let network = |text: &str| text.parse::<Cidr>().unwrap();
    let holds = |net: &str, address: &str| network(net).contains(address.parse().unwrap());
    assert!(holds("192.168.4.0/22", "192.168.7.255") && !holds("192.168.4.0/22", "192.168.8.0"));
    assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert!(holds("0.0.0.0/0", "8.8.8.8") && !holds("0.0.0.0/0", "2001::1"));
    assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && !holds("2001:db8::/32", "2001:db9::"));
    assert!(holds("10.1.1.1", "10.1.1.1") && !holds("10.1.1.1", "10.1.1.2"));
    assert!("10.0.0.0/".parse::<Cidr>().is_err());
}
