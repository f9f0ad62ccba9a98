//! Runs the binary with a temporary home and an otherwise empty environment.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long a test waits for a line or an exit. Far longer than necessary, so that tests also pass on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A temporary `EVT_HOME` and current folder, deleted when it is dropped.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// The output of a finished command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The exit code; `None` if a signal ended the process.
    pub(crate) exit: Option<i32>,
}

/// A running command, killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

struct Lines {
    incoming: Receiver<String>,
    seen: Vec<String>,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("work")).expect("a folder to work in");
        Self {
            folder,
            variables: Vec::new(),
        }
    }

    /// Adds a variable to the environment of every command.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// `EVT_HOME`, which contains `config`, `data` and `state`.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The current folder of commands.
    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Writes a file in the current folder of commands.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.work().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("its folder");
        std::fs::write(&path, content).expect("a file in the sandbox");
        path
    }

    /// A command that is ready to run, for tests that need more than `run` and `spawn`.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evt"));
        command
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .env("TZ", "UTC")
            .env("EVT_HOME", self.home())
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // The operating system or the coverage tool needs these.
        for name in ["SYSTEMROOT", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
    }

    /// Runs a command to its end.
    #[must_use = "a test must check the output"]
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.run_with_input(args, b"")
    }

    /// Runs a command to its end with `input` on its stdin.
    #[must_use = "a test must check the output"]
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
        input: &[u8],
    ) -> Output {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // A command may close its stdin without reading all of it.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the command ends");
        writer.join().expect("the input is written");
        Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            exit: output.status.code(),
        }
    }

    /// Starts a command and returns while it is running.
    pub(crate) fn spawn<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Running {
        Running::start(&mut self.command(args))
    }
}

/// The address in the URL of a `ready` notice.
pub(crate) fn ready_address(notice: &str) -> SocketAddr {
    let notice: serde_json::Value = serde_json::from_str(notice).expect("a JSON notice");
    let url = notice["url"].as_str().expect("a notice with a URL");
    url.trim_start_matches("http://")
        .parse()
        .expect("an address")
}

impl Running {
    /// Starts a command made by [`Sandbox::command`].
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the binary starts");
        Self {
            stdout: Lines::of(child.stdout.take().expect("stdout is piped")),
            stderr: Lines::of(child.stderr.take().expect("stderr is piped")),
            child,
        }
    }

    /// Waits for the `ready` notice of `-o json`, and returns the address in its URL.
    pub(crate) fn wait_until_ready(&mut self) -> SocketAddr {
        ready_address(&self.wait_for_stderr("\"ready\""))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of stdout that contains `text` and returns it.
    ///
    /// # Panics
    /// If the command ends or a minute passes without such a line.
    pub(crate) fn wait_for_stdout(&mut self, text: &str) -> String {
        match self.stdout.wait_for(text) {
            Some(line) => line,
            None => self.missing("stdout", text),
        }
    }

    /// Waits for a line of stderr that contains `text` and returns it. Panics like [`Running::wait_for_stdout`].
    pub(crate) fn wait_for_stderr(&mut self, text: &str) -> String {
        match self.stderr.wait_for(text) {
            Some(line) => line,
            None => self.missing("stderr", text),
        }
    }

    fn missing(&mut self, stream: &str, text: &str) -> ! {
        self.stdout.drain();
        self.stderr.drain();
        panic!(
            "no line with {text:?} on {stream}\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout.seen.join("\n"),
            self.stderr.seen.join("\n")
        );
    }

    /// Sends SIGINT, as Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// Sends SIGTERM.
    #[cfg(unix)]
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Sends SIGHUP, as a terminal that is closed does.
    #[cfg(unix)]
    pub(crate) fn hang_up(&self) {
        self.signal(rustix::process::Signal::HUP);
    }

    /// Sends SIGSTOP: the command does nothing until [`Running::resume`].
    #[cfg(unix)]
    pub(crate) fn pause(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Sends SIGCONT.
    #[cfg(unix)]
    pub(crate) fn resume(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.child.id()).ok();
        let pid = pid
            .and_then(rustix::process::Pid::from_raw)
            .expect("a child has a process id");
        rustix::process::kill_process(pid, signal).expect("the command is running");
    }

    /// Sends SIGKILL, which gives the command no chance to clean up.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("the command is running");
        self.child.wait().expect("a killed command ends");
    }

    /// Returns whether the command has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        let status = self.child.try_wait().expect("a child can be waited for");
        status.is_some()
    }

    /// Sends SIGKILL, and returns what was printed.
    pub(crate) fn killed(mut self) -> Output {
        self.child.kill().expect("the command is running");
        self.finish()
    }

    /// Waits until the command ends.
    ///
    /// # Panics
    /// After a minute; the command is then killed.
    #[must_use = "a test must check the output"]
    pub(crate) fn finish(mut self) -> Output {
        let status = self.wait();
        self.stdout.drain();
        self.stderr.drain();
        Output {
            stdout: joined(&self.stdout.seen),
            stderr: joined(&self.stderr.seen),
            exit: status.code(),
        }
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        // Both streams usually end with the process. The loop below only waits for a child that closed them earlier.
        self.stdout.wait_for_end(deadline);
        self.stderr.wait_for_end(deadline);
        loop {
            match self.child.try_wait().expect("a child can be waited for") {
                Some(status) => return status,
                None if Instant::now() > deadline => {
                    self.missing("either (the command is still running)", "end")
                }
                None => std::thread::yield_now(),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The command may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, incoming) = channel();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line);
                if sender.send(text.trim_end_matches('\n').to_owned()).is_err() {
                    return;
                }
                line.clear();
            }
        });
        Self {
            incoming,
            seen: Vec::new(),
        }
    }

    fn wait_for(&mut self, text: &str) -> Option<String> {
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return Some(line.clone());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.incoming.recv_timeout(left).ok()?;
            self.seen.push(line.clone());
            if line.contains(text) {
                return Some(line);
            }
        }
    }

    fn wait_for_end(&mut self, deadline: Instant) {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.incoming.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return,
            }
        }
    }

    fn drain(&mut self) {
        self.seen.extend(self.incoming.try_iter());
    }
}

impl Output {
    /// Checks the exit code and returns the output.
    ///
    /// # Panics
    /// If the code differs; the message contains the whole output.
    pub(crate) fn expect_exit(self, code: i32) -> Self {
        assert_eq!(self.exit, Some(code), "{self}");
        self
    }

    /// The lines of stdout as JSON.
    ///
    /// # Panics
    /// If a line is not JSON.
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
            })
            .collect()
    }
}

impl Output {
    /// The notice with this name on stderr, which must be JSON lines.
    pub(crate) fn notice(&self, name: &str) -> serde_json::Value {
        let notice = notice(&self.stderr, name);
        notice.unwrap_or_else(|| panic!("no notice `{name}`: {self}"))
    }

    /// The error object on stderr, which must be JSON lines.
    pub(crate) fn error(&self) -> serde_json::Value {
        let mut found = stderr_json(&self.stderr).filter(|line| line["error"].is_object());
        found.next().unwrap_or_else(|| panic!("no error: {self}"))["error"].take()
    }
}

/// The lines of stderr that are JSON.
pub(crate) fn stderr_json(stderr: &str) -> impl Iterator<Item = serde_json::Value> {
    stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
}

/// The first notice with this name on stderr.
pub(crate) fn notice(stderr: &str, name: &str) -> Option<serde_json::Value> {
    stderr_json(stderr).find(|line| line["notice"] == name)
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "exit {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.exit, self.stdout, self.stderr
        )
    }
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The permission bits of a file or folder.
#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let facts =
        std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    facts.permissions().mode() & 0o777
}
