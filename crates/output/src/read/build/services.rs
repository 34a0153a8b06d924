use std::collections::HashMap;

use sockscope_model::{ProcessId, Snapshot, SocketKey};

/// The service of every owner, as documents have it. The model has it of a process, or of a socket and then for all that own it:
/// which of both it was is found from what is said of all.
#[derive(Debug, Default)]
pub(super) struct Services(Vec<(SocketKey, OfOwners)>);

/// What is said of each owner of one socket.
type OfOwners = Vec<(ProcessId, Option<String>)>;

impl Services {
    pub(super) fn said(&mut self, key: SocketKey, owners: OfOwners) {
        self.0.push((key, owners));
    }

    pub(super) fn assign(self, snapshot: &mut Snapshot) {
        if self.0.iter().flat_map(|(_, owners)| owners).all(|(_, service)| service.is_none()) {
            return;
        }
        let (same, different): (Vec<_>, Vec<_>) = self.0.into_iter().partition(|(_, owners)| {
            let mut services = owners.iter().map(|(_, service)| service);
            let first = services.next().and_then(Option::as_ref);
            first.is_some() && services.all(|service| service.as_ref() == first)
        });
        // Where owners differ, or have none, the socket has none.
        let mut found: HashMap<ProcessId, Option<String>> = HashMap::new();
        for (process, service) in different.into_iter().flat_map(|(_, owners)| owners) {
            found.entry(process).or_insert(service);
        }
        for (key, owners) in same {
            let mut of_socket = None;
            for (process, service) in owners {
                let known = found.entry(process).or_insert_with(|| service.clone());
                if *known != service {
                    of_socket = service;
                }
            }
            if let Some(service) = of_socket {
                snapshot.services.insert(key, service);
            }
        }
        for (process, service) in found {
            if let Some(process) = snapshot.processes.get_mut(&process) {
                process.service = service;
            }
        }
    }
}
