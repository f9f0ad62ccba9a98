//! Event streams and lines of JSON over HTTP: [`Sse`] against servers that send what the test wrote.

mod answers;
mod connections;
mod follower;
mod redirects;
