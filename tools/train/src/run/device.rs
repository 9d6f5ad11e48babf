//! The device of a training, from `--device`.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};
use tch::{Cuda, Device};

/// The choice of `--device`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// `auto`: the first CUDA device if there is one, otherwise the CPU.
    #[default]
    Auto,
    /// `cpu`.
    Cpu,
    /// `cuda` (the first) or `cuda:N`.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| format!("expected cpu, cuda, cuda:N or auto, found {text:?}")),
        }
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl DeviceChoice {
    /// The device itself.
    ///
    /// # Errors
    /// When a CUDA device is asked for that libtorch does not see, with what to do about it. Only
    /// `auto` falls back to the CPU: a training that was meant for a GPU must not crawl on unseen.
    pub fn resolve(self) -> Result<Device> {
        let seen =
            if self == Self::Cpu || !Cuda::is_available() { 0 } else { Cuda::device_count() };
        self.resolve_among(usize::try_from(seen).unwrap_or(0), tch::utils::has_cuda())
    }

    /// [`DeviceChoice::resolve`] where libtorch sees `seen` CUDA devices.
    fn resolve_among(self, seen: usize, built_with_cuda: bool) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Auto => Ok(if seen > 0 { Device::Cuda(0) } else { Device::Cpu }),
            Self::Cuda(index) if index < seen => Ok(Device::Cuda(index)),
            Self::Cuda(_) if seen > 0 => {
                bail!("--device {self}: this machine's CUDA devices are 0 to {}", seen - 1)
            }
            Self::Cuda(_) if built_with_cuda => bail!(
                "--device {self}: this libtorch sees no CUDA device (it supports CUDA; look at \
                 nvidia-smi, the driver's version and CUDA_VISIBLE_DEVICES)"
            ),
            Self::Cuda(_) => bail!(
                "--device {self}: this libtorch sees no CUDA device (the one loaded is for the CPU \
                 only). To use a CUDA machine's libtorch of the same version, 2.11, start the \
                 program with LD_LIBRARY_PATH=<torch>/lib, where <torch> is the folder that \
                 `python3 -c 'import torch; print(torch.__path__[0])'` prints"
            ),
        }
    }
}

/// A device's name as in `--device`.
pub fn device_name(device: Device) -> String {
    match device {
        Device::Cpu => "cpu".to_owned(),
        Device::Cuda(index) => format!("cuda:{index}"),
        Device::Mps => "mps".to_owned(),
        Device::Vulkan => "vulkan".to_owned(),
    }
}

/// Sets the number of threads in which libtorch computes on the CPU, by default one for each core
/// that this process may use; returns it.
///
/// # Errors
/// On 0 threads or more than libtorch can count.
pub fn set_threads(threads: Option<usize>) -> Result<usize> {
    let threads = match threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    ensure!(threads > 0, "--threads must be at least 1");
    tch::set_num_threads(i32::try_from(threads).context("--threads is out of range")?);
    Ok(threads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_and_written() {
        for (text, choice) in [
            ("auto", DeviceChoice::Auto),
            ("cpu", DeviceChoice::Cpu),
            ("cuda", DeviceChoice::Cuda(0)),
            ("cuda:3", DeviceChoice::Cuda(3)),
        ] {
            assert_eq!(text.parse(), Ok(choice));
            assert_eq!(choice.to_string(), text);
        }
        for text in ["", "gpu", "cuda:", "cuda:-1", "CUDA"] {
            assert!(text.parse::<DeviceChoice>().unwrap_err().contains("cuda:N"), "{text}");
        }
    }

    #[test]
    fn only_auto_falls_back() {
        assert_eq!(DeviceChoice::Auto.resolve_among(0, false).unwrap(), Device::Cpu);
        assert_eq!(DeviceChoice::Auto.resolve_among(2, true).unwrap(), Device::Cuda(0));
        assert_eq!(DeviceChoice::Cuda(1).resolve_among(2, true).unwrap(), Device::Cuda(1));
        let message =
            |seen, built| DeviceChoice::Cuda(2).resolve_among(seen, built).unwrap_err().to_string();
        assert!(
            message(2, true).contains("--device cuda:2: this machine's CUDA devices are 0 to 1")
        );
        assert!(message(0, true).contains("CUDA_VISIBLE_DEVICES"));
        assert!(message(0, false).contains("LD_LIBRARY_PATH=<torch>/lib"));
    }

    #[test]
    fn threads_are_set() {
        assert!(set_threads(Some(0)).is_err());
        assert!(set_threads(None).unwrap() > 0);
        assert_eq!(device_name(DeviceChoice::Cpu.resolve().unwrap()), "cpu");
    }
}
