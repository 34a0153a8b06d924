//! Any bytes as a database of this format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockscope_geo::Format;

fuzz_target!(|data: &[u8]| sockscope_fuzz::database(Format::Zx, data));
