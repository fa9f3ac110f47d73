//! The tests of sizer as its users meet it: real processes, real sockets, real files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod adaptive;
mod agent;
mod answers;
mod cache;
mod calc;
mod canary;
mod capacity;
mod chain;
mod commands;
mod composition;
mod damage;
mod dataset_forms;
mod datasets;
mod evidence;
mod faults;
mod golden;
mod hostile;
mod http;
mod interrupt;
mod invalidation;
mod keeping;
mod kept_connections;
mod library;
mod load;
mod local;
mod lock_merges;
mod matrix;
mod nat_import;
mod properties;
mod proxy;
mod proxy_answers;
mod read_only;
mod recorded;
mod recorded_clock;
mod recorded_forms;
mod secrets;
mod selection;
mod servers;
mod spec_errors;
mod streams;
mod support;
mod what_if;
