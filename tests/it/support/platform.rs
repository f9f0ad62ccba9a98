//! The local platform inside the test process, on free ports. The sandbox's commands find it as they find `evt dev`.

use evt::dev::{DevOptions, Server};
use evt::running::Running;
use tokio_util::sync::CancellationToken;

use super::Sandbox;

/// A platform without a data folder. Stops when it is dropped.
pub(crate) struct LocalPlatform {
    pub(crate) running: Running,
    shutdown: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl LocalPlatform {
    /// Starts a platform for the commands of one sandbox.
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        Self::start_with(sandbox, DevOptions::default())
    }

    /// Like [`LocalPlatform::start`], with options. Ports and the state folder are those of the sandbox.
    pub(crate) fn start_with(sandbox: &Sandbox, options: DevOptions) -> Self {
        let state_dir = sandbox.home().join("state");
        std::fs::create_dir_all(&state_dir).expect("a state folder");
        let options = DevOptions {
            port: 0,
            control_port: 0,
            state_dir: Some(state_dir),
            ..options
        };
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let (sender, started) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let platform = Server::start(options, stop)
                    .await
                    .expect("the platform starts");
                sender
                    .send(platform.running().clone())
                    .expect("the test waits for it");
                platform.stopped().await;
            });
        });
        Self {
            running: started.recv().expect("the platform starts"),
            shutdown,
            thread: Some(thread),
        }
    }
}

impl Drop for LocalPlatform {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take() {
            // If the platform panicked, the test has already failed.
            let _ = thread.join();
        }
    }
}
