//! How each server is started: its program, its configuration below the data directory, and its environment. All listen on
//! 127.0.0.1 only, and accept one user with a password that others on this machine cannot read.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use super::supervisor::Job;
use super::{BrokerKind, Stored, USER, failed};
use crate::dev::host::DevError;
use crate::files::{private_folder, replace_private_file};

/// Where Debian installs servers, which are not in the `PATH` of every user.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"];
/// RabbitMQ's own script. Debian's `/usr/sbin/rabbitmq-server` refuses other users and other folders.
const RABBITMQ: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// Writes the configuration and returns what to run.
pub(super) fn prepare(kind: BrokerKind, folder: &Path, place: &Stored) -> Result<Job, DevError> {
    let own = folder.join(kind.name());
    private_folder(&own).map_err(|source| failed(&own, source))?;
    let program = program(kind)?;
    let job = match kind {
        BrokerKind::Nats => nats(program, &own, place),
        BrokerKind::Redis => redis(program, &own, place),
        BrokerKind::RabbitMq => rabbitmq(program, &own, place),
    };
    job.map_err(|source| failed(&own, source))
}

fn program(kind: BrokerKind) -> Result<PathBuf, DevError> {
    let (names, package): (&[&str], _) = match kind {
        BrokerKind::Nats => (&["nats-server"], "nats-server"),
        BrokerKind::Redis => (&["redis-server", "valkey-server"], "redis-server"),
        BrokerKind::RabbitMq => (&[], "rabbitmq-server"),
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    let named = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    let script = matches!(kind, BrokerKind::RabbitMq).then(|| PathBuf::from(RABBITMQ));
    let mut candidates = script.into_iter().chain(named);
    candidates
        .find(|candidate| candidate.is_file())
        .ok_or(DevError::NoBroker {
            name: kind.name(),
            package,
        })
}

/// A path within the double quotes of a configuration file.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn nats(program: PathBuf, folder: &Path, place: &Stored) -> io::Result<Job> {
    let config = folder.join("nats.conf");
    let Stored { port, password } = place;
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\nserver_name: evt-dev\njetstream {{ store_dir: {} }}\n\
         authorization {{ user: {USER}, password: \"{password}\" }}\n",
        quoted(folder)
    );
    replace_private_file(&config, text.as_bytes())?;
    Ok(Job {
        args: vec!["-c".into(), config.into()],
        ..Job::new(BrokerKind::Nats.name(), program, folder)
    })
}

fn redis(program: PathBuf, folder: &Path, place: &Stored) -> io::Result<Job> {
    let config = folder.join("redis.conf");
    let Stored { port, password } = place;
    let text = format!(
        "bind 127.0.0.1\nport {port}\ndir {}\nappendonly yes\ndaemonize no\n\
         user {USER} on >{password} ~* &* +@all\nuser default off\n",
        quoted(folder)
    );
    replace_private_file(&config, text.as_bytes())?;
    Ok(Job {
        args: vec![config.into()],
        ..Job::new(BrokerKind::Redis.name(), program, folder)
    })
}

/// Two ports that are free now. Both are held until both are chosen.
fn free_ports() -> io::Result<[u16; 2]> {
    let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let second = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok([first.local_addr()?.port(), second.local_addr()?.port()])
}

fn rabbitmq(program: PathBuf, folder: &Path, place: &Stored) -> io::Result<Job> {
    let Stored { port, password } = place;
    let [distribution, mapper] = free_ports()?;
    let file = |name: &str| folder.join(name);
    let text = format!(
        "listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = {USER}\ndefault_pass = {password}\n\
         log.console = true\nlog.file = false\n"
    );
    replace_private_file(&file("rabbitmq.conf"), text.as_bytes())?;
    fs::write(file("enabled_plugins"), "[].\n")?;
    let path = |name: &str| file(name).display().to_string();
    let variables = [
        // The cookie is created here.
        ("HOME", folder.display().to_string()),
        ("RABBITMQ_NODENAME", "evt-dev@localhost".to_owned()),
        ("RABBITMQ_NODE_PORT", port.to_string()),
        ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
        ("RABBITMQ_DIST_PORT", distribution.to_string()),
        ("RABBITMQ_MNESIA_BASE", path("mnesia")),
        ("RABBITMQ_LOG_BASE", path("log")),
        ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
        ("RABBITMQ_CONF_ENV_FILE", "/dev/null".to_owned()),
        // RabbitMQ does not start without Erlang's port mapper, a process that would outlive it. So it gets one of its own, which the
        // supervisor ends.
        ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
        ("ERL_EPMD_PORT", mapper.to_string()),
        (
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1}".to_owned(),
        ),
    ];
    Ok(Job {
        variables: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..Job::new(BrokerKind::RabbitMq.name(), program, folder)
    })
}
