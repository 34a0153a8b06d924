//! The witnesses of `compare`. Each is asked by itself: none falls back on another, and what it could not read is said
//! rather than passed over.

use sockscope_model::{
    ErrorKind, NoOwner, Notice, Owners, Request, Source, SourceChoice, SourceError, Testimony, Witness,
};

use super::{NativeSource, descriptors, probe, procfs};

/// Who can be asked which sockets there are, the one that knows most first.
pub const WITNESSES: &[Witness] = &[
    Witness::Source(SourceChoice::SockDiag),
    Witness::Source(SourceChoice::Procfs),
    Witness::FdScan,
    Witness::BindProbe,
];

/// Asks one of them, and no other: what it does not know stays unknown.
///
/// # Errors
/// It could not be heard.
pub fn testify(witness: Witness, request: &Request) -> Result<Testimony, SourceError> {
    match witness {
        Witness::Source(choice) => listed(choice, request),
        Witness::FdScan => descriptors::scan(request),
        Witness::BindProbe => probe::probe(request),
        _ => Err(SourceError {
            kind: ErrorKind::Unavailable,
            operation: "ask".into(),
            object: witness.name().into(),
            cause: "Linux does not have it".into(),
            help: None,
        }),
    }
}

fn listed(choice: SourceChoice, request: &Request) -> Result<Testimony, SourceError> {
    let mut snapshot = NativeSource::witness(choice)?.snapshot(request)?;
    // Whoever could not look for owners does not say that there are none.
    if snapshot.notices.iter().any(|notice| notice.code == "owners-unavailable") {
        for socket in &mut snapshot.sockets {
            if socket.owners.reason() == Some(NoOwner::Unknown) {
                socket.owners = Owners::Nobody(NoOwner::NotAsked);
            }
        }
    }
    // Beside these, notices are about owners, and say nothing of what is listed.
    let damage = |notice: &Notice| matches!(notice.code, "malformed-rows" | "table-unavailable");
    let damaged = snapshot.notices.iter().find(|notice| damage(notice)).map(|notice| notice.message.clone());
    if choice == SourceChoice::Procfs {
        let covered: Vec<String> =
            procfs::covered(request).iter().map(|path| path.to_string_lossy().into_owned()).collect();
        if !covered.is_empty() {
            snapshot.notices.push(Notice {
                code: Testimony::SUSPECT,
                message: format!(
                    "something is mounted over {}, so what is read there is not the kernel's (see findmnt)",
                    covered.join(", ")
                ),
            });
        }
    }
    if choice == SourceChoice::SockDiag && !lists_bound() {
        snapshot.notices.push(Notice {
            code: Testimony::LACKS_BOUND,
            message: "the kernel lists sockets that are bound and no more since Linux 6.8".into(),
        });
    }
    Ok(Testimony { snapshot, quirks: Vec::new(), damaged })
}

/// Whether sock_diag has sockets that are bound and no more: nothing tells but the kernel's version, which some
/// distributions keep while they add to it.
pub(super) fn lists_bound() -> bool {
    is_at_least(rustix::system::uname().release().to_bytes(), (6, 8))
}

fn is_at_least(release: &[u8], wanted: (u32, u32)) -> bool {
    let text = String::from_utf8_lossy(release);
    let mut numbers = text.split(|it: char| !it.is_ascii_digit()).map_while(|it| it.parse::<u32>().ok());
    numbers.next().zip(numbers.next()).is_none_or(|found| found >= wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        for (release, expected) in [
            ("6.8.0-45-generic", true),
            ("6.18.44", true),
            ("10.0", true),
            ("6.7.12-1-amd64", false),
            ("5.10.0-30-amd64", false),
            ("4.19.0", false),
            ("strange", true),
        ] {
            assert_eq!(is_at_least(release.as_bytes(), (6, 8)), expected, "{release}");
        }
    }
}
