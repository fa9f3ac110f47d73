//! The tests of sizer as its users meet it: real processes, real sockets, real files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod adaptive;
mod agent;
mod answers;
mod cache;
mod calc;
mod capacity;
mod chain;
mod commands;
mod composition;
mod damage;
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
mod left_behind;
mod library;
mod limits;
mod load;
mod local;
mod matrix;
mod properties;
mod proxy;
mod recorded;
mod recorded_clock;
mod recorded_forms;
mod secrets;
mod selection;
mod spec_errors;
mod store_safety;
mod support;
mod what_if;
