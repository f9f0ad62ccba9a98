//! A small process that starts the servers and ends them when the platform ends, also when the platform is killed: then the pipe
//! between the two closes. If it is killed itself, the next start ends the servers, which it finds by a variable in their environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The hidden command that runs the supervisor.
pub const COMMAND: &str = "supervise-brokers";
/// The variable that marks the processes of the servers, and their children. Its value is the folder of the brokers.
const MARK: &str = "EVT_BROKERS";
/// How long servers may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);
/// How often the supervisor looks whether a server has ended.
const TICK: Duration = Duration::from_millis(50);

/// A server to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) variables: Vec<(String, String)>,
    /// The working directory, which also gets the log.
    pub(super) folder: PathBuf,
}

impl Job {
    pub(super) fn new(name: &str, program: PathBuf, folder: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program,
            args: Vec::new(),
            variables: Vec::new(),
            folder: folder.to_owned(),
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Starts the server in its own process group, so that Ctrl-C on the terminal does not reach it.
    fn start(&self, mark: &Path) -> io::Result<Child> {
        let log = File::create(self.log())?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .env(MARK, mark)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn()
    }
}

/// What the platform sends to the supervisor, as one line of JSON.
#[derive(Serialize, Deserialize)]
struct Order {
    pub(super) folder: PathBuf,
    jobs: Vec<Job>,
    /// Deleted at the end.
    temporary: Option<PathBuf>,
}

/// What the supervisor reports, as one line of JSON each.
#[derive(Serialize, Deserialize)]
struct Ended {
    name: String,
    why: String,
}

/// The supervisor, as the platform sees it.
pub(crate) struct Supervisor {
    process: Mutex<Option<(Child, ChildStdin)>>,
    ended: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Supervisor {
    pub(super) fn start(
        folder: &Path,
        jobs: Vec<Job>,
        temporary: Option<PathBuf>,
    ) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let (Some(mut stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let order = Order {
            folder: folder.to_owned(),
            jobs,
            temporary,
        };
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        stdin.write_all(&line)?;
        let ended: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let shared = Arc::clone(&ended);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(Ended { name, why }) = serde_json::from_str(&line) {
                    let mut ended = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    ended.insert(name, why);
                }
            }
        });
        Ok(Self {
            process: Mutex::new(Some((process, stdin))),
            ended,
        })
    }

    /// Why a server has ended, if it has.
    pub(super) fn ended(&self, name: &str) -> Option<String> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.get(name).cloned()
    }

    /// Ends the servers and waits for them.
    pub(super) async fn stop(&self) {
        let process = self
            .process
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((mut process, stdin)) = process {
            drop(stdin);
            let _ = tokio::task::spawn_blocking(move || process.wait()).await;
        }
    }
}

/// The supervisor itself: reads the order from stdin, runs the servers, and ends them when stdin closes.
///
/// # Errors
/// The order cannot be read.
pub fn run() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let mut running = Vec::new();
    for job in &order.jobs {
        match job.start(&order.folder) {
            Ok(child) => running.push((job, child)),
            Err(error) => report(job, &error.to_string()),
        }
    }
    let (closed, is_closed) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = closed.send(());
    });
    while is_closed.recv_timeout(TICK) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
        running.retain_mut(|(job, child)| match child.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                report(
                    job,
                    &format!("{status}; its log is {}", job.log().display()),
                );
                false
            }
            Err(error) => {
                report(job, &error.to_string());
                false
            }
        });
    }
    end(running.into_iter().map(|(_, child)| child).collect());
    end_leftovers(&order.folder);
    if let Some(temporary) = order.temporary {
        let _ = fs::remove_dir_all(temporary);
    }
    Ok(())
}

fn report(job: &Job, why: &str) {
    let ended = Ended {
        name: job.name.clone(),
        why: why.to_owned(),
    };
    let mut line = serde_json::to_vec(&ended).unwrap_or_default();
    line.push(b'\n');
    // The platform may have ended.
    let _ = io::stdout().lock().write_all(&line);
}

/// Ends the servers with SIGTERM, and with SIGKILL those that have not ended after [`GRACE`].
fn end(mut children: Vec<Child>) {
    for child in &children {
        signal_group(child.id(), Signal::End);
    }
    let started = Instant::now();
    while started.elapsed() < GRACE {
        children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if children.is_empty() {
            return;
        }
        std::thread::sleep(TICK);
    }
    for child in &mut children {
        signal_group(child.id(), Signal::Kill);
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[derive(Clone, Copy)]
enum Signal {
    End,
    Kill,
}

#[cfg(unix)]
fn signal_group(pid: u32, signal: Signal) {
    use rustix::process::{Pid, Signal as Number, kill_process_group};
    let number = match signal {
        Signal::End => Number::TERM,
        Signal::Kill => Number::KILL,
    };
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, number);
    }
}

#[cfg(not(unix))]
fn signal_group(_pid: u32, _signal: Signal) {}

/// Kills the processes that were started for this folder and still run, such as RabbitMQ's port mapper.
#[cfg(target_os = "linux")]
pub(super) fn end_leftovers(folder: &Path) {
    use std::os::unix::ffi::OsStrExt;

    use rustix::process::{Pid, Signal, kill_process};
    let wanted = [MARK.as_bytes(), b"=", folder.as_os_str().as_bytes()].concat();
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let name = process.file_name();
        let pid = name.to_str().and_then(|name| name.parse().ok());
        // The environments of other users cannot be read.
        let (Some(pid), Ok(environment)) = (
            pid.and_then(Pid::from_raw),
            fs::read(process.path().join("environ")),
        ) else {
            continue;
        };
        if environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted)
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Other systems offer no way to read the environment of a process.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_leftovers(_folder: &Path) {}
