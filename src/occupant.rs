//! Finds the process that listens on a port, for error messages.

use std::fmt;

/// A process that listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    pub pid: u32,
    /// The name of its program.
    pub name: String,
    /// It has answered as an `evt dev`.
    pub is_platform: bool,
}

impl fmt::Display for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// The process that listens on a TCP port; `None` if this user may not inspect it.
#[cfg(target_os = "linux")]
pub fn of_port(port: u16) -> Option<Occupant> {
    let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| listening_socket(&table, port))?;
    let wanted = format!("socket:[{socket}]");
    std::fs::read_dir("/proc")
        .ok()?
        .flatten()
        .find_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let descriptors = std::fs::read_dir(entry.path().join("fd")).ok()?;
            let has_it = descriptors.flatten().any(|descriptor| {
                std::fs::read_link(descriptor.path())
                    .is_ok_and(|target| target.as_os_str() == &*wanted)
            });
            has_it.then(|| Occupant {
                pid,
                name: name_of(pid),
                is_platform: false,
            })
        })
}

/// Other systems are not supported.
#[cfg(not(target_os = "linux"))]
pub fn of_port(_port: u16) -> Option<Occupant> {
    None
}

#[cfg(target_os = "linux")]
fn name_of(pid: u32) -> String {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(32).collect();
    if name.is_empty() {
        "a process".to_owned()
    } else {
        name
    }
}

/// The inode of the socket that listens on `port`, from the kernel's table of TCP sockets (proc(5)).
#[cfg(target_os = "linux")]
fn listening_socket(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let local = fields.next()?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        let (_, found) = local.rsplit_once(':')?;
        let matches = u16::from_str_radix(found, 16) == Ok(port) && state == LISTEN;
        matches.then(|| inode.parse().ok())?
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_own_listener_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(of_port(port).unwrap().pid, std::process::id());
    }

    #[test]
    fn only_a_listening_socket_is_found() {
        let table = "  sl  local_address rem_address   st\n   0: 0100007F:1306 00000000:0000 01 00000000:00000000 00:00000000 00000000     0        0 4242 1\n";
        assert_eq!(listening_socket(table, 4870), None);
        let listening = table.replace(" 01 ", " 0A ");
        assert_eq!(listening_socket(&listening, 4870), Some(4242));
    }
}
