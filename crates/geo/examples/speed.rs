//! How many addresses a second one thread looks up in a database:
//!
//! ```sh
//! cargo run --release -p sockscope-geo --example speed -- QQWry.dat text --prepare
//! ```

use std::error::Error;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use sockscope_geo::{Database, Language, Options};

const USAGE: &str = "\
speed DATABASE|embedded MODE [OPTION]...

Modes:
  record  find the record of each address
  text    read its text, too
  details read all that it states
  parse   as `text`, with addresses that are text
  first   the very first look-up of this process

Options:
  --prepare            make many look-ups quicker first
  --seconds SECONDS    how long to measure (1)
  --addresses NUMBER   how many different random addresses (1000000)
  --from FILE          those in a file, one a line, instead of random ones
  --key KEY            of an encrypted database

Prints one JSON object.";

/// What the command line asks for.
struct Arguments {
    database: String,
    mode: String,
    prepare: bool,
    seconds: f64,
    addresses: usize,
    from: Option<String>,
    key: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read()?;
    let bytes = if arguments.database == "embedded" { None } else { Some(std::fs::read(&arguments.database)?) };

    let began = Instant::now();
    let language = Language::default();
    let mut database = match bytes {
        None => Database::embedded(&language),
        Some(bytes) => Database::open(bytes, &Options { language, key: arguments.key.clone() })?,
    };
    let opened = began.elapsed();
    if arguments.mode == "first" {
        let address = IpAddr::from([8, 8, 8, 8]);
        let place = black_box(&database).lookup(black_box(address));
        let text = place.map(|place| place.details().text.into_owned());
        let all = began.elapsed();
        return print(&serde_json::json!({
            "database": database.info().name,
            "text": text,
            "open_us": micros(opened),
            "first_us": micros(all),
        }));
    }
    let began = Instant::now();
    if arguments.prepare {
        database.prepare();
    }
    let prepared = began.elapsed();

    let texts = arguments.texts(database.info().ipv4)?;
    let addresses = texts.iter().map(|text| text.parse()).collect::<Result<Vec<IpAddr>, _>>()?;
    let (lookups, took) = match arguments.mode.as_str() {
        "record" => measure(&addresses, &arguments, |address| {
            black_box(database.lookup(*address).map(|place| place.record()));
        }),
        "text" => measure(&addresses, &arguments, |address| {
            black_box(database.lookup(*address).map(|place| place.text()));
        }),
        "details" => measure(&addresses, &arguments, |address| {
            black_box(database.lookup(*address).map(|place| place.details()));
        }),
        "parse" => measure(&texts, &arguments, |text| {
            black_box(text.parse().ok().and_then(|address| database.lookup(address)).map(|place| place.text()));
        }),
        mode => return Err(format!("no such mode: {mode}\n{USAGE}").into()),
    };
    let found = addresses.iter().filter(|address| database.lookup(**address).is_some()).count();
    print(&serde_json::json!({
        "database": database.info().name,
        "open_us": micros(opened),
        "prepare_us": micros(prepared),
        "addresses": addresses.len(),
        "found": found,
        "lookups": lookups,
        "seconds": took.as_secs_f64(),
        "per_second": (lookups as f64 / took.as_secs_f64()).round(),
    }))
}

/// Looks up all, again and again, until the time is over.
fn measure<T>(all: &[T], arguments: &Arguments, look_up: impl Fn(&T)) -> (usize, Duration) {
    // Warm caches: every reader is measured so.
    all.iter().take(1000).for_each(&look_up);
    let mut lookups = 0;
    let began = Instant::now();
    loop {
        // In parts, so that the clock costs nothing.
        for part in all.chunks(1000) {
            part.iter().for_each(&look_up);
            lookups += part.len();
            let took = began.elapsed();
            if took.as_secs_f64() >= arguments.seconds {
                return (lookups, took);
            }
        }
    }
}

impl Arguments {
    fn read() -> Result<Arguments, Box<dyn Error>> {
        let mut words = std::env::args().skip(1);
        let mut next = |what: &str| words.next().ok_or_else(|| format!("{what} is missing\n{USAGE}"));
        let mut arguments = Arguments {
            database: next("DATABASE")?,
            mode: next("MODE")?,
            prepare: false,
            seconds: 1.0,
            addresses: 1_000_000,
            from: None,
            key: None,
        };
        while let Ok(option) = next("") {
            match option.as_str() {
                "--prepare" => arguments.prepare = true,
                "--seconds" => arguments.seconds = next("SECONDS")?.parse()?,
                "--addresses" => arguments.addresses = next("NUMBER")?.parse()?,
                "--from" => arguments.from = Some(next("FILE")?),
                "--key" => arguments.key = Some(next("KEY")?),
                _ => return Err(format!("no such option: {option}\n{USAGE}").into()),
            }
        }
        Ok(arguments)
    }

    /// The addresses as text: at least one.
    fn texts(&self, ipv4: bool) -> Result<Vec<String>, Box<dyn Error>> {
        if let Some(path) = &self.from {
            let text = std::fs::read_to_string(path)?;
            let texts: Vec<String> = text.lines().map(str::to_owned).collect();
            return if texts.is_empty() { Err(format!("{path} is empty").into()) } else { Ok(texts) };
        }
        let mut state = 1;
        let random = |_| {
            let (high, low) = (next(&mut state), next(&mut state));
            // IPv6 in 2000::/3, where addresses are given out.
            let ipv6 = (u128::from(high) << 64 | u128::from(low)) >> 3 | 1 << 125;
            let address =
                if ipv4 { IpAddr::from((high as u32).to_be_bytes()) } else { IpAddr::from(ipv6.to_be_bytes()) };
            address.to_string()
        };
        Ok((0..self.addresses.max(1)).map(random).collect())
    }
}

/// SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

fn print(value: &serde_json::Value) -> Result<(), Box<dyn Error>> {
    println!("{value}");
    Ok(())
}
