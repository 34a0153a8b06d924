//! Any bytes as a database of this format. Inputs are without the table behind the first four bytes, which is 256 KiB that
//! our reader does not read: what finds its way into so large an input is not much.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockscope_geo::Format;

fuzz_target!(|data: &[u8]| {
    let (size, rest) = data.split_at(data.len().min(4));
    sockscope_fuzz::database(Format::Datx, &[size, &[0; 256 * 1024], rest].concat());
});
