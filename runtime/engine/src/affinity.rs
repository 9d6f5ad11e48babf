//! Which processors threads run on.

/// CPUs that the system lets this thread run on, as Linux numbers them; `None` where it does not tell.
#[must_use]
pub fn allowed_cpus() -> Option<Vec<usize>> {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity};
        let set = sched_getaffinity(None).ok()?;
        Some((0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Binds the calling thread to `cpus`, every one of which has to be there; does nothing if there are
/// none. The reason says what was expected and what was found.
pub(crate) fn bind(cpus: &[usize]) -> Result<(), String> {
    if cpus.is_empty() {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let mut set = CpuSet::new();
        for &cpu in cpus {
            if cpu >= CpuSet::MAX_CPU {
                return Err(format!("expected CPUs below {}, found {cpu}", CpuSet::MAX_CPU));
            }
            set.set(cpu);
        }
        sched_setaffinity(None, &set).map_err(|error| format!("{cpus:?}: {error}"))?;
        // Linux takes a set of which only a part exists, and leaves the rest out.
        let bound = allowed_cpus().unwrap_or_default();
        let missing = cpus.iter().find(|cpu| !bound.contains(cpu));
        missing.map_or(Ok(()), |cpu| Err(format!("expected CPU {cpu}, found only {bound:?}")))
    }
    #[cfg(not(target_os = "linux"))]
    Err("expected Linux, found another system".to_string())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::thread;

    /// In a thread of its own, so that no other test is bound.
    fn alone<T: Send>(test: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| scope.spawn(test).join().unwrap())
    }

    #[test]
    fn a_thread_is_bound_to_what_is_there() {
        let cpus = allowed_cpus().unwrap();
        let last = *cpus.last().unwrap();
        assert_eq!(alone(|| bind(&[last]).map(|()| allowed_cpus())), Ok(Some(vec![last])));
        assert_eq!(alone(|| bind(&[]).map(|()| allowed_cpus())), Ok(Some(cpus.clone())));
        assert_eq!(allowed_cpus(), Some(cpus));
    }

    #[test]
    fn cpus_that_are_not_there_are_refused() {
        let last = *allowed_cpus().unwrap().last().unwrap();
        let problem = alone(|| bind(&[last, 1023]).unwrap_err());
        assert!(problem.contains("expected CPU 1023"), "{problem}");
        assert!(alone(|| bind(&[4096]).unwrap_err()).contains("4096"));
    }
}
