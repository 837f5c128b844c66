//! This process as the holder of leases, and whether another holder's process is certainly dead.

use std::fs;

use polder_store::Holder;

/// This process.
pub(crate) fn holder() -> Holder {
    let pid = std::process::id();
    Holder { host: host(), pid, started: started(pid).unwrap_or_default() }
}

/// Whether a holder is certainly dead: a process of this machine that is gone, or whose number another one has now.
///
/// Where the system does not tell (no /proc) nobody is known to be dead, and a lease's time decides.
pub(crate) fn is_dead(holder: &Holder) -> bool {
    holder.host == host() && started(std::process::id()).is_some() && started(holder.pid) != Some(holder.started)
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}

/// When a process started, in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)).
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in parentheses, which may hold spaces and parentheses itself.
    stat.rsplit_once(") ")?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_number_reused_does_not() {
        let me = holder();
        assert!(!is_dead(&me));
        if me.started > 0 {
            assert!(is_dead(&Holder { started: me.started + 1, ..me.clone() }));
        }
        assert!(!is_dead(&Holder { host: "elsewhere".to_owned(), pid: 1, started: 1 }));
    }
}
