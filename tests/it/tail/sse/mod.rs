//! [`Sse`](evt::source::Sse) with servers that send scripted responses.

mod answers;
mod connections;
mod follower;
mod redirects;
