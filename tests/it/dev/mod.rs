//! `evt dev`: raw bytes on the platform's sockets, and the command.

mod auth;
mod brokers;
mod bulk;
mod chaos;
mod clients;
mod command;
mod control;
mod event_stream;
mod events;
mod eventsource;
mod feed;
mod gateways;
mod named;
mod platforms;
mod protocol;
mod queues;
mod repository;
mod restart;
mod streams;
mod vendors;
mod wire;
