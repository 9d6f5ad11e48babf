//! Everything around a training: optimiser, schedule, averages, states on disk, logs, curves.

pub mod curves;
pub mod device;
pub mod ema;
pub mod log;
pub mod log_rows;
pub mod optim;
pub mod progress;
pub mod schedule;
pub mod state;
pub mod tensor_file;
