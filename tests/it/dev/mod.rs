//! `evt dev`: the platform by raw bytes on its sockets, and the command around it.

mod auth;
mod chaos;
mod command;
mod control;
mod event_stream;
mod events;
mod eventsource;
mod feed;
mod gateways;
mod protocol;
mod repository;
mod restart;
mod streams;
mod vendors;
mod wire;
