//! Names the sockets on which the machine's sources differ, after three rounds.

use sockscope::{Comparer, Request, WITNESSES, Witness, testify};

fn main() {
    let mut comparer = Comparer::new();
    for _ in 0..3 {
        // Binding every port is for those who ask for it.
        for witness in WITNESSES.iter().filter(|witness| **witness != Witness::BindProbe) {
            comparer.hear(*witness, testify(*witness, &Request::default()));
        }
        comparer.end_round();
    }
    let (comparison, snapshot) = comparer.comparison();
    for (difference, socket) in comparison.differences.iter().zip(&snapshot.sockets) {
        let key = socket.key;
        println!("{:12} {} {}: {}", difference.cause.name(), key.protocol.name(), key.local, difference.detail);
    }
    println!("{} of {} are unexplained", comparison.unexplained(), comparison.differences.len());
}
