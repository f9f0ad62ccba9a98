//! `evt dev`: the platform by raw bytes on its sockets, and the command around it.

mod auth;
mod command;
mod control;
mod events;
mod gateways;
mod protocol;
mod repository;
mod restart;
mod wire;
