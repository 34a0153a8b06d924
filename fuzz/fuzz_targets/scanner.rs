//! Any text, in which addresses are looked for whole and in pieces.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use sockscope_core::AddressScanner;

fuzz_target!(|data: &[u8]| {
    let Some((piece, text)) = data.split_first() else { return };
    let whole = scan(text, text.len());
    assert_eq!(whole, scan(text, usize::from(*piece) + 1));
    for (end, _) in whole {
        assert!(end <= text.len());
    }
});

/// Positions behind addresses, from the start of the text, and the addresses.
fn scan(text: &[u8], piece: usize) -> Vec<(usize, IpAddr)> {
    let mut scanner = AddressScanner::default();
    let mut found = Vec::new();
    let (mut done, mut seen) = (0, 0);
    while done < text.len() {
        seen = (seen + piece).min(text.len());
        let held = &text[done..seen];
        let begin = done;
        let scanned = scanner.scan(held, seen == text.len(), &mut |end, address| found.push((begin + end, address)));
        assert!(scanned <= held.len() && held.len() - scanned <= 1024, "{} bytes are held", held.len() - scanned);
        done += scanned;
    }
    found
}
