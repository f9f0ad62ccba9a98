//! A Redis server, and a minimal client that is independent of the one in `evt`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use super::server::{self, Server};

/// Much longer than a server needs for anything here.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server on a port of 127.0.0.1.
pub(crate) struct Redis {
    server: Mutex<Server>,
    pub(crate) port: u16,
    /// Its configuration, data and log.
    folder: tempfile::TempDir,
    args: Vec<String>,
}

/// The server that tests share. `None` if the package is not installed.
pub(crate) fn shared() -> Option<&'static Redis> {
    static SHARED: LazyLock<Option<Redis>> = LazyLock::new(|| Redis::start(&[]));
    SHARED.as_ref()
}

/// A name that no other test uses.
pub(crate) fn unique(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{name}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn program() -> Option<PathBuf> {
    server::program(&["/usr/bin/redis-server"], "redis-server")
}

impl Redis {
    /// Starts a server with more options. It stores nothing unless an option asks for it.
    pub(crate) fn start(more: &[&str]) -> Option<Self> {
        Self::with(|_, _| more.iter().map(|word| (*word).to_owned()).collect())
    }

    /// Starts a server with the options for its port and folder.
    pub(crate) fn with(options: impl FnOnce(u16, &Path) -> Vec<String>) -> Option<Self> {
        program()?;
        let port = server::free_port();
        let folder = tempfile::tempdir().unwrap();
        let mut args: Vec<String> = ["--bind", "127.0.0.1", "--save", "", "--port"]
            .map(str::to_owned)
            .to_vec();
        args.push(port.to_string());
        args.extend(["--dir".to_owned(), folder.path().display().to_string()]);
        args.extend(options(port, folder.path()));
        let redis = Self {
            server: Mutex::new(Self::launch(&args, folder.path())),
            port,
            folder,
            args,
        };
        redis.wait_until_loaded();
        Some(redis)
    }

    /// Starts a sentinel that watches the server under the name `main`.
    pub(crate) fn sentinel_of(port: u16) -> Option<Self> {
        program()?;
        let own = server::free_port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sentinel.conf");
        let text =
            format!("port {own}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {port} 1\n");
        std::fs::write(&file, text).unwrap();
        let args = vec![file.display().to_string(), "--sentinel".to_owned()];
        let redis = Self {
            server: Mutex::new(Self::launch(&args, folder.path())),
            port: own,
            folder,
            args,
        };
        redis.wait_until_loaded();
        Some(redis)
    }

    fn launch(args: &[String], folder: &Path) -> Server {
        let mut command = Command::new("/usr/bin/redis-server");
        command.args(args);
        Server::start(&command, &folder.join("log"))
    }

    fn wait_until_loaded(&self) {
        server::wait_for_port(self.port);
        let mut client = self.client();
        let started = Instant::now();
        while client.ask(&["PING"]).starts_with("-LOADING") {
            assert!(
                started.elapsed() < PATIENCE,
                "the server does not load its data"
            );
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.port)
    }

    /// `redis://127.0.0.1:PORT/0?` with the query.
    pub(crate) fn url(&self, query: &str) -> String {
        format!("redis://127.0.0.1:{}/0?{query}", self.port)
    }

    /// Kills the server as a crash would.
    pub(crate) fn kill(&self) {
        self.server.lock().unwrap().kill();
    }

    /// Starts the server again, on the same port and data.
    pub(crate) fn restart(&self) {
        *self.server.lock().unwrap() = Self::launch(&self.args, self.folder.path());
        self.wait_until_loaded();
    }
}

/// A blocking client. Answers are shown in one line: `+` and `$` without their sign, `:` as a number, lists with spaces.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            reader: BufReader::new(stream),
        }
    }

    /// Sends a command and returns its answer. An error begins with `-`.
    pub(crate) fn ask<A: AsRef<[u8]>>(&mut self, words: &[A]) -> String {
        let mut out = Vec::new();
        write(words, &mut out);
        self.reader.get_mut().write_all(&out).unwrap();
        self.answer()
    }

    /// Sends a command that must succeed.
    pub(crate) fn must<A: AsRef<[u8]>>(&mut self, words: &[A]) -> String {
        let answer = self.ask(words);
        assert!(!answer.starts_with('-'), "{answer}");
        answer
    }

    /// Sends many commands at once and waits for their answers.
    pub(crate) fn pipeline<A: AsRef<[u8]>>(&mut self, commands: &[Vec<A>]) {
        for some in commands.chunks(1000) {
            let mut out = Vec::new();
            for words in some {
                write(words, &mut out);
            }
            self.reader.get_mut().write_all(&out).unwrap();
            for _ in some {
                let answer = self.answer();
                assert!(!answer.starts_with('-'), "{answer}");
            }
        }
    }

    fn answer(&mut self) -> String {
        self.try_answer().unwrap()
    }

    fn try_answer(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end();
        let (kind, rest) = line.split_at(1);
        let count = rest.parse::<i64>().unwrap_or_default();
        match kind {
            "$" if count < 0 => Ok("nil".to_owned()),
            "$" => {
                let mut bytes = vec![0; usize::try_from(count).unwrap() + 2];
                self.reader.read_exact(&mut bytes)?;
                bytes.truncate(bytes.len() - 2);
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            "*" => {
                let items: std::io::Result<Vec<String>> =
                    (0..count.max(0)).map(|_| self.try_answer()).collect();
                Ok(items?.join(" "))
            }
            "-" => Ok(line.to_owned()),
            _ => Ok(rest.to_owned()),
        }
    }

    /// Sends a command; `None` if the server is gone.
    pub(crate) fn try_ask(&mut self, words: &[&str]) -> Option<String> {
        let mut out = Vec::new();
        write(words, &mut out);
        self.reader.get_mut().write_all(&out).ok()?;
        self.try_answer().ok()
    }

    /// Waits until the answer to a command fulfils a condition.
    pub(crate) fn wait_until(&mut self, words: &[&str], is_fulfilled: impl Fn(&str) -> bool) {
        let started = Instant::now();
        loop {
            let answer = self.ask(words);
            if is_fulfilled(&answer) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{words:?}: {answer}");
            std::thread::yield_now();
        }
    }
}

fn write<A: AsRef<[u8]>>(words: &[A], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        let word = word.as_ref();
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}
