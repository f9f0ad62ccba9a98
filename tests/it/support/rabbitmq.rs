//! RabbitMQ of Debian's package `rabbitmq-server`.
//!
//! How it runs as a child with everything in one folder, without root and without a daemon:
//! - `/usr/lib/rabbitmq/bin/rabbitmq-server`: the one in `/usr/sbin` refuses other users and folders.
//! - `RUNNING_UNDER_SYSTEMD`: the script replaces itself by the server, so its pid is the server's. Otherwise a shell stays in
//!   between, and killing it leaves the server.
//! - RabbitMQ needs `epmd`, Erlang's registry of nodes. Left alone it starts one as a daemon that outlives it. So it has one of its
//!   own, in the foreground, at the port in `ERL_EPMD_PORT`.
//! - `HOME` has Erlang's cookie. `RABBITMQ_CONF_ENV_FILE` and `RABBITMQ_ENABLED_PLUGINS_FILE` replace the files in `/etc/rabbitmq`.
//! - Users, vhosts and permissions are in a definitions file: with one, RabbitMQ creates neither `guest` nor `/` by itself.
//! - It accepts connections 4 to 10 s after its start.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use tokio::runtime::Runtime;

use super::server::{Server, free_port, program, wait_for_port};

const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// What a test needs after a kill is declared here: a declaration over a connection is on the disk only some time later. `reader` may declare queues with generated names, and read exchanges and queues whose name begins with `allowed`.
const DEFINITIONS: &str = r#"{
  "vhosts": [{"name": "/"}, {"name": "shop"}],
  "users": [
    {"name": "guest", "password": "guest", "tags": ["administrator"]},
    {"name": "reader", "password": "reader", "tags": []}
  ],
  "queues": [
    {"name": "durable", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {}}
  ],
  "permissions": [
    {"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "guest", "vhost": "shop", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "reader", "vhost": "/", "configure": "^amq\\.gen", "write": "^amq\\.gen", "read": "^(allowed|amq\\.gen)"}
  ]
}"#;

/// A running RabbitMQ.
pub(crate) struct RabbitMq {
    folder: tempfile::TempDir,
    port: u16,
    distribution: u16,
    registry_port: u16,
    _registry: Server,
    server: Server,
}

impl RabbitMq {
    /// The server that all tests share. Their queues and exchanges have different names.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<RabbitMq>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("")).as_ref()
    }

    /// Starts a server of the test's own, with further lines of `rabbitmq.conf`.
    pub(crate) fn start(config: &str) -> Option<Self> {
        let server = program(&[PROGRAM], "rabbitmq-server")?;
        let folder = tempfile::tempdir().unwrap();
        let (port, distribution, registry_port) = (free_port(), free_port(), free_port());
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("definitions.json"), DEFINITIONS).unwrap();
        std::fs::write(path("plugins"), "[].").unwrap();
        let definitions = path("definitions.json");
        let config = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nload_definitions = {}\n{config}\n",
            definitions.display()
        );
        std::fs::write(path("rabbitmq.conf"), config).unwrap();
        let mut registry = Command::new("epmd");
        registry.args(["-address", "127.0.0.1", "-port", &registry_port.to_string()]);
        let registry = Server::start(&registry, &path("epmd.log"));
        wait_for_port(registry_port);
        let command = command(&server, folder.path(), port, distribution, registry_port);
        let server = Server::start(&command, &path("rabbitmq.log"));
        wait_for_port(port);
        Some(Self {
            folder,
            port,
            distribution,
            registry_port,
            _registry: registry,
            server,
        })
    }

    /// Kills the server as a crash would (SIGKILL).
    pub(crate) fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts the server again, at the same port and with the same data.
    pub(crate) fn restart(&mut self) {
        let command = command(
            Path::new(PROGRAM),
            self.folder.path(),
            self.port,
            self.distribution,
            self.registry_port,
        );
        self.server = Server::start(&command, &self.folder.path().join("rabbitmq.log"));
        wait_for_port(self.port);
    }

    /// An address at this server: `/?queue=q`.
    pub(crate) fn url(&self, rest: &str) -> String {
        format!("amqp://127.0.0.1:{}{rest}", self.port)
    }

    /// Connects with the Rust library, independently of evt.
    pub(crate) fn admin(&self) -> Admin {
        let runtime = Runtime::new().unwrap();
        let url = format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port);
        let connecting = async {
            let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            let confirms = ConfirmSelectOptions::default();
            channel.confirm_select(confirms).await?;
            lapin::Result::Ok((connection, channel))
        };
        let (connection, channel) = runtime.block_on(connecting).unwrap();
        Admin {
            runtime,
            _connection: connection,
            channel,
        }
    }
}

fn command(
    server: &Path,
    folder: &Path,
    port: u16,
    distribution: u16,
    registry_port: u16,
) -> Command {
    let mut command = Command::new(server);
    command
        .current_dir(folder)
        .env("HOME", folder)
        .env("RUNNING_UNDER_SYSTEMD", "true")
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_EPMD_PORT", registry_port.to_string())
        .env("RABBITMQ_NODENAME", "evt@localhost")
        .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
        .env("RABBITMQ_NODE_PORT", port.to_string())
        .env("RABBITMQ_DIST_PORT", distribution.to_string())
        .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
        .env("RABBITMQ_LOG_BASE", folder.join("log"))
        .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
        .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("plugins"))
        .env("RABBITMQ_CONF_ENV_FILE", folder.join("none"))
        // Connections between nodes on loopback only, and no busy waiting.
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
        );
    command
}

/// What tests do at the server besides evt.
pub(crate) struct Admin {
    runtime: Runtime,
    _connection: Connection,
    channel: Channel,
}

impl Admin {
    /// Declares a durable queue; `kind` is `classic`, `quorum` or `stream`.
    pub(crate) fn queue(&self, name: &str, kind: &str) {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
        self.declare(name, arguments);
    }

    /// Declares a queue that accepts this many messages and rejects further ones.
    pub(crate) fn queue_for(&self, name: &str, messages: i32) {
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(messages));
        let reject = AMQPValue::LongString("reject-publish".into());
        arguments.insert("x-overflow".into(), reject);
        self.declare(name, arguments);
    }

    fn declare(&self, name: &str, arguments: FieldTable) {
        let declaring =
            self.channel
                .queue_declare(name.into(), QueueDeclareOptions::durable(), arguments);
        self.runtime.block_on(declaring).unwrap();
    }

    pub(crate) fn delete_queue(&self, name: &str) {
        let deleting = self.channel.queue_delete(name.into(), Default::default());
        self.runtime.block_on(deleting).unwrap();
    }

    pub(crate) fn exchange(&self, name: &str, kind: ExchangeKind) {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let declaring =
            self.channel
                .exchange_declare(name.into(), kind, options, FieldTable::default());
        self.runtime.block_on(declaring).unwrap();
    }

    pub(crate) fn bind(&self, queue: &str, exchange: &str, key: &str) {
        let binding = self.channel.queue_bind(
            queue.into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        self.runtime.block_on(binding).unwrap();
    }

    /// Publishes a persistent message and waits for the confirmation.
    pub(crate) fn publish(&self, exchange: &str, key: &str, body: &str) {
        let properties = BasicProperties::default().with_delivery_mode(2);
        self.publish_with(exchange, key, body, properties);
    }

    pub(crate) fn publish_with(
        &self,
        exchange: &str,
        key: &str,
        body: &str,
        properties: BasicProperties,
    ) {
        let publishing = async {
            let options = BasicPublishOptions::default();
            let confirm = self
                .channel
                .basic_publish(
                    exchange.into(),
                    key.into(),
                    options,
                    body.as_bytes(),
                    properties,
                )
                .await?;
            confirm.await
        };
        assert!(self.runtime.block_on(publishing).unwrap().is_ack());
    }

    /// How many messages a queue has that no consumer has got.
    pub(crate) fn waiting(&self, queue: &str) -> u32 {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let asking = self
            .channel
            .queue_declare(queue.into(), passive, FieldTable::default());
        self.runtime.block_on(asking).unwrap().message_count()
    }
}
