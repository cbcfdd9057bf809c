//! The ways to a daemon: what listens here, TCP, `ssh`; and questions on a real terminal.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::support::daemon::{Daemon, until};
use crate::support::program::Terminal;

#[test]
fn where_nothing_answers_the_program_says_what_to_start() {
    let said = Terminal::at("http://127.0.0.1:1").run(&["flag", "ls"]).ends(7);
    assert!(said.err.contains("127.0.0.1:1") && said.err.contains("flagstaff doctor"), "{}", said.err);
}

#[test]
fn the_address_that_web_applications_use_is_the_last_resort() {
    let daemon = Daemon::shared();
    let terminal = Terminal::new().with("REACT_APP_API_URL", &format!("{}/api", daemon.url));
    terminal.run(&["flag", "get", "dark-mode"]).ends(0);
}

/// A program named `ssh` that does what `ssh` would, on this machine: it runs commands, and forwards a socket.
const SSH: &str = r#"#!/bin/sh
printf '%s\n' "$*" >>"$HOME/ssh.log"
forward=
while [ $# -gt 0 ]; do
    case $1 in
        -o|-p) shift 2 ;;
        -L) forward=$2; shift 2 ;;
        --) shift; break ;;
        *) shift ;;
    esac
done
case $1 in *refused*) echo "alice@refused: Permission denied (publickey)." >&2; exit 255 ;; esac
if [ -n "$forward" ]; then
    echo $$ >"$HOME/ssh.pid"
    ln -s "${forward#*:}" "${forward%%:*}"
    exec sleep 600
fi
shift
exec sh -c "$1"
"#;

fn with_ssh() -> Terminal {
    let terminal = Terminal::new();
    let folder = terminal.home().join("bin");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("ssh"), SSH).unwrap();
    std::fs::set_permissions(folder.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    terminal.with("PATH", &path)
}

#[test]
fn a_daemon_on_another_host_is_reached_through_ssh_which_ends_with_us() {
    let daemon = Daemon::shared();
    let terminal = with_ssh();
    let address = format!("ssh://alice@bastion:2222{}", daemon.socket.display());
    let me = terminal.run(&["-H", &address, "whoami", "-o", "json"]).ends(0).json();
    assert_eq!(me.get("credential").unwrap().as_str(), Some("socket"));
    let log = std::fs::read_to_string(terminal.home().join("ssh.log")).unwrap();
    for option in ["BatchMode=yes", "ExitOnForwardFailure=yes", "-p 2222", "-N", "-- alice@bastion"] {
        assert!(log.contains(option), "{option}: {log}");
    }
    let gone = || {
        let pid = std::fs::read_to_string(terminal.home().join("ssh.pid")).unwrap().trim().parse().unwrap();
        until("ssh is gone", || kill(Pid::from_raw(pid), None).is_err());
    };
    gone();
    let mut tail = terminal.start(&["-H", &address, "audit", "tail", "-f", "-n", "1", "--no-header"]);
    tail.line();
    assert_eq!(tail.end(Signal::SIGTERM), 143);
    gone();
}

#[test]
fn without_a_path_the_socket_on_the_other_host_is_looked_for() {
    let daemon = Daemon::shared();
    let terminal = with_ssh();
    let place = terminal.home().join("data/flagstaff");
    std::fs::create_dir_all(&place).unwrap();
    std::os::unix::fs::symlink(&daemon.socket, place.join("flagstaffd.sock")).unwrap();
    terminal.run(&["-H", "ssh://bastion", "flag", "get", "dark-mode"]).ends(0);
}

#[test]
fn what_ssh_says_is_why_it_did_not_work() {
    let said = with_ssh().run(&["-H", "ssh://alice@refused/s", "whoami"]).ends(7);
    assert!(said.err.contains("Permission denied (publickey)"), "{}", said.err);
}

/// Runs a command on a terminal and types lines; what was shown, and the number.
fn typed(terminal: &Terminal, arguments: &[&str], answers: &[(&str, &str)]) -> (String, u32) {
    let size = PtySize { rows: 30, cols: 100, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_flagstaff"));
    command.args(arguments);
    command.env_clear();
    command.cwd(terminal.home());
    for (name, value) in terminal.environment() {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut writer = pair.master.take_writer().unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let kept = std::sync::Arc::clone(&seen);
    let reading = std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(count) = reader.read(&mut buffer) {
            if count == 0 {
                break;
            }
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
    for (question, answer) in answers {
        until(&format!("it asks {question:?}"), || seen.lock().unwrap().contains(question));
        writer.write_all(answer.as_bytes()).unwrap();
    }
    let code = child.wait().unwrap().exit_code();
    drop(writer);
    drop(pair.master);
    reading.join().unwrap();
    let seen = seen.lock().unwrap().clone();
    (seen, code)
}

#[test]
fn on_a_terminal_the_plan_is_shown_and_the_text_is_asked_for() {
    let daemon = Daemon::shared();
    let project = daemon.project();
    let terminal = Terminal::at(&format!("unix:{}", daemon.socket.display()));
    terminal.run(&["-p", &project, "flag", "create", "f"]).ends(0);
    let on = ["-p", &project, "flag", "on", "f", "-e", "production"];
    let (seen, code) = typed(&terminal, &on, &[("type f to apply:", "wrong\n")]);
    assert_eq!(code, 6, "{seen}");
    assert!(seen.contains("/document/on  false -> true"), "{seen}");
    let (seen, code) = typed(&terminal, &on, &[("type f to apply:", "f\n")]);
    assert_eq!(code, 0, "{seen}");
    let (seen, code) =
        typed(&terminal, &["-p", &project, "flag", "on", "f", "-e", "staging"], &[("[y/N]", "\n")]);
    assert_eq!(code, 6, "{seen}");
    let (seen, code) =
        typed(&terminal, &["-p", &project, "flag", "on", "f", "-e", "staging"], &[("[y/N]", "\u{3}")]);
    assert_eq!(code, 130, "{seen}");
    let yes = ["-p", &project, "flag", "on", "f", "-e", "staging", "--yes"];
    let (seen, code) = typed(&terminal, &yes, &[]);
    assert_eq!(code, 0, "{seen}");
}

#[test]
fn a_token_that_is_typed_is_not_shown() {
    let daemon = Daemon::shared();
    let owner = Terminal::at(&format!("unix:{}", daemon.socket.display()));
    let token = owner.run(&["token", "create", "typed"]).ends(0).out;
    let terminal = Terminal::new();
    terminal.run(&["profile", "add", "demo", &daemon.url]).ends(0);
    let line = format!("{}\r", token.trim());
    let (seen, code) = typed(&terminal, &["login"], &[("token for demo", &line)]);
    assert_eq!(code, 0, "{seen}");
    assert!(!seen.contains(token.trim()), "{seen}");
}

#[test]
fn over_tls_the_authority_of_the_profile_is_believed_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../daemon/tests/it/tls");
    let (certificate, key) = (format!("{folder}/localhost.pem"), format!("{folder}/localhost.key"));
    let variables =
        [("FLAGSTAFF_HTTP_TLS_CERTIFICATE", certificate.as_str()), ("FLAGSTAFF_HTTP_TLS_KEY", &key)];
    let daemon = Daemon::start_with(&variables);
    let port = daemon.url.rsplit(':').next().unwrap();
    let url = format!("https://localhost:{port}");
    let terminal = Terminal::new();
    terminal.run(&["profile", "add", "good", &url, "--ca-file", &certificate]).ends(0);
    terminal.run(&["profile", "add", "strange", &url]).ends(0);
    terminal.run(&["profile", "add", "lax", &url, "--insecure"]).ends(0);
    let doctor = terminal.run(&["doctor"]).ends(0).out;
    assert!(doctor.contains("TLS 1.3, localhost,"), "{doctor}");
    terminal.start(&["audit", "tail", "-f", "-n", "1", "--no-header"]).line();
    let said = terminal.run(&["-P", "strange", "whoami"]).ends(7);
    assert!(said.err.contains("invalid peer certificate") && said.err.contains("ca_file"), "{}", said.err);
    assert!(terminal.run(&["-P", "lax", "doctor"]).ends(0).out.contains("NOT VERIFIED"));
    let said = terminal.run(&["-H", &format!("http://localhost:{port}"), "whoami"]);
    assert_eq!(said.code, 7, "{said:?}");
    let plain = format!("https://{}", Daemon::shared().url.trim_start_matches("http://"));
    let said = terminal.run(&["-H", &plain, "whoami"]).ends(7);
    assert!(said.err.contains("plain http"), "{}", said.err);
}
