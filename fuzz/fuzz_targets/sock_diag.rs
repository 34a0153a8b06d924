//! Any datagram of a sock_diag dump: messages, rows, attributes, `struct tcp_info`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockscope_model::Protocol;
use sockscope_wire::{netlink, sock_diag};

fuzz_target!(|data: &[u8]| {
    let mut total = 0;
    for message in netlink::messages(data) {
        let Ok(message) = message else { break };
        total += netlink::HEADER_LENGTH + message.payload.len();
        let _ = message.errno();
        for bound in [false, true] {
            for protocol in [Protocol::Tcp, Protocol::Udp] {
                if let Ok(row) = sock_diag::decode_row(message.payload, protocol, bound) {
                    // No peer is never 0.0.0.0:0, and a listener has none.
                    if let Some(remote) = row.socket.key.remote {
                        assert!(remote.port() != 0 || !remote.ip().is_unspecified() || protocol == Protocol::Udp);
                    }
                    let _ = row.socket.is_listening();
                }
            }
        }
    }
    assert!(total <= data.len());
    // A row by itself, without the need to guess a header.
    let _ = sock_diag::decode_row(data, Protocol::Tcp, false);
});
