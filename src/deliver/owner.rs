//! Identifies the process of an engine, so that another engine can take over its leases immediately after a crash instead of
//! waiting until they expire.

use crate::running::process_exists;

/// `BOOT/NAMESPACE/PID/START` of this process: unique on this machine, also after a reboot or when a process id is reused.
pub(super) fn identity() -> String {
    let pid = std::process::id();
    let start = started(pid).unwrap_or_default();
    format!("{}/{}/{pid}/{start}", boot(), namespace())
}

/// Returns whether the engine with this identity has certainly ended. If that is unknown, its leases have to expire.
pub(super) fn is_gone(identity: &str) -> bool {
    let mut parts = identity.splitn(4, '/');
    let (Some(its_boot), Some(its_namespace), Some(pid), Some(start)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    if its_boot != boot() {
        // Without both boot ids it is unknown whether the machine has restarted.
        return !its_boot.is_empty() && !boot().is_empty();
    }
    // Process ids of another container mean nothing in this one.
    if its_namespace != namespace() {
        return false;
    }
    let Ok(pid) = pid.parse::<u32>() else {
        return false;
    };
    if !process_exists(pid) {
        return true;
    }
    // Another process may have the id now.
    !start.is_empty() && started(pid).is_some_and(|now| now != start)
}

/// Changes with each boot of the machine; empty if the system does not provide it.
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

/// The start of a process, in clock ticks since the boot.
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name of the program in brackets and may contain spaces and brackets. The start time is field 22.
    let rest = &stat[stat.rfind(')')? + 1..];
    rest.split_whitespace().nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_process_is_not_gone() {
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
    fn a_process_whose_id_was_reused_is_gone() {
        let own = identity();
        let (same, _) = own.rsplit_once('/').unwrap();
        assert!(is_gone(&format!("{same}/1")));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_from_before_the_last_boot_is_gone() {
        assert!(is_gone("0b8c8f70-0000-4000-8000-000000000000/pid:[1]/1/1"));
    }

    #[test]
    fn a_process_of_unknown_state_is_not_gone() {
        assert!(!is_gone(""));
        assert!(!is_gone("somebody"));
        let own = identity();
        let boot = own.split('/').next().unwrap();
        assert!(!is_gone(&format!("{boot}/another-namespace/1/1")));
    }
}
