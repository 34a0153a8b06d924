//! Any datagram of the groups that tell of destroyed sockets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockscope_model::{Protocol, Socket};
use sockscope_wire::{decode_destroyed, netlink};

fn check(socket: &Socket) {
    assert_ne!(socket.key.local.port(), 0);
    assert!(socket.key.remote.is_none_or(|remote| remote.port() != 0));
    assert!(socket.traffic.is_none() || socket.key.remote.is_some());
    assert_eq!(socket.state.is_none(), socket.key.protocol == Protocol::Udp);
    assert!(socket.queues.is_none() && socket.timer.is_none() && socket.exposure.is_none());
}

fuzz_target!(|data: &[u8]| {
    for message in netlink::messages(data) {
        let Ok(message) = message else { break };
        if let Ok(Some(socket)) = decode_destroyed(message.payload) {
            check(&socket);
        }
    }
    // A message by itself, without the need to guess a header.
    if let Ok(Some(socket)) = decode_destroyed(data) {
        check(&socket);
    }
});
