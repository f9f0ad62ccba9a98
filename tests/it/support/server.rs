//! Servers of Debian packages, started on a free port of this machine. They end with the test process, even if it is killed.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// Much longer than a server needs to start.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs the command and kills it when its own stdin closes, which also happens when the test process is killed.
const GUARD: &str =
    r#""$@" <&- & pid=$!; echo $pid; read -r _; kill -9 $pid 2>/dev/null; wait $pid"#;

/// A running server.
pub(crate) struct Server {
    guard: Child,
    /// Closed to end the server.
    alive: Option<ChildStdin>,
    pid: u32,
}

/// The program of a package, or a message that names the package. With `EVT_TEST_REQUIRE=all` a missing program is a failure.
pub(crate) fn program(paths: &[&str], package: &str) -> Option<PathBuf> {
    let found = paths.iter().map(Path::new).find(|path| path.exists());
    let installed = match found {
        Some(_) => Ok(()),
        None => Err(format!(
            "{package} is not installed: apt-get install {package}"
        )),
    };
    match super::is_missing(&installed) {
        true => None,
        false => found.map(Path::to_path_buf),
    }
}

/// A port of 127.0.0.1 that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    /// Starts the command, whose output goes to `log`.
    pub(crate) fn start(command: &Command, log: &Path) -> Self {
        let output = std::fs::File::create(log).unwrap();
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).arg(command.get_program());
        guard.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(name, value),
                None => guard.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            guard.current_dir(folder);
        }
        let mut guard = guard
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(output)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = guard.stdout.take().unwrap();
        let mut byte = [0];
        while stdout.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
            line.push(char::from(byte[0]));
        }
        // Nothing reads further output: the server must not block on a full pipe.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        Self {
            alive: guard.stdin.take(),
            pid: line.parse().unwrap(),
            guard,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the server as a crash would (SIGKILL), and waits until it has ended.
    pub(crate) fn kill(&mut self) {
        drop(self.alive.take());
        let _ = self.guard.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits until something accepts connections at the port.
pub(crate) fn wait_for_port(port: u16) {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(started.elapsed() < PATIENCE, "nothing listens on {port}");
        std::thread::yield_now();
    }
}
