//! Which process an engine runs in, so that another can tell at once when it is gone.

use crate::running::process_lives;

/// `BOOT/NAMESPACE/PID/START`: unique on this machine, and tells after a crash or a restart that its leases are free.
pub(super) fn identity() -> String {
    let pid = std::process::id();
    let start = started(pid).unwrap_or_default();
    format!("{}/{}/{pid}/{start}", boot(), namespace())
}

/// Returns whether the engine with this identity cannot be alive. `false` where it cannot be told: then its lease has to run out.
pub(super) fn is_gone(identity: &str) -> bool {
    let mut parts = identity.splitn(4, '/');
    let (Some(its_boot), Some(its_namespace), Some(pid), Some(start)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    if its_boot != boot() {
        // Without a boot id on either side nothing is known.
        return !its_boot.is_empty() && !boot().is_empty();
    }
    // Another container's process ids mean nothing here.
    if its_namespace != namespace() {
        return false;
    }
    let Ok(pid) = pid.parse::<u32>() else {
        return false;
    };
    if !process_lives(pid) {
        return true;
    }
    // The id may have been given to another process since.
    !start.is_empty() && started(pid).is_some_and(|now| now != start)
}

/// Changes with each start of the machine; empty where the system does not say.
fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

fn namespace() -> String {
    std::fs::read_link("/proc/self/ns/pid")
        .map(|link| link.to_string_lossy().replace('/', "_"))
        .unwrap_or_default()
}

/// When a process started, in the kernel's ticks since the boot.
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets and may hold anything; the start is the 22nd.
    let rest = &stat[stat.rfind(')')? + 1..];
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_not_gone() {
        assert!(!is_gone(&identity()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_that_has_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let own = identity();
        let parts: Vec<&str> = own.split('/').collect();
        assert!(is_gone(&format!("{}/{}/{pid}/1", parts[0], parts[1])));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_id_that_another_process_has_now_is_gone() {
        let own = identity();
        let (same, _) = own.rsplit_once('/').unwrap();
        assert!(is_gone(&format!("{same}/1")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_ran_before_the_last_boot_is_gone() {
        assert!(is_gone("0b8c8f70-0000-4000-8000-000000000000/pid:[1]/1/1"));
    }

    #[test]
    fn what_cannot_be_told_is_not_gone() {
        assert!(!is_gone(""));
        assert!(!is_gone("somebody"));
        let own = identity();
        let boot = own.split('/').next().unwrap();
        assert!(!is_gone(&format!("{boot}/another-namespace/1/1")));
    }
}
