use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::repository::root;

/// The page that measurements are written into.
const PAGE: &str = "docs/performance.md";

/// Puts text between two marks of the page: `<!-- MARK:begin -->` and `<!-- MARK:end -->`.
pub(crate) fn write(mark: &str, text: &str) -> Result<()> {
    let path = root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    fs::write(&path, replaced(&page, mark, text)?)?;
    eprintln!("written to {PAGE}");
    Ok(())
}

fn replaced(page: &str, mark: &str, text: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {mark}:begin -->"), format!("<!-- {mark}:end -->"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("{PAGE} has no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("{PAGE} has no {end}"))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim_end()))
}

/// The day and the machine: the beginning of a sentence.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown processor", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let meminfo = read("/proc/meminfo");
    let kib: u64 = meminfo.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let load = read("/proc/loadavg");
    format!(
        "Measured {} on {} cores ({model}), {:.0} GiB of memory, Linux {}, load average {} before",
        printed("date", &["-u", "+%Y-%m-%d"]),
        std::thread::available_parallelism().map_or(0, usize::from),
        kib as f64 / 1024.0 / 1024.0,
        read("/proc/sys/kernel/osrelease").trim(),
        load.split(' ').next().unwrap_or("unknown"),
    )
}

/// The first line that a program prints, cleaned.
pub(crate) fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// The middle one, or half-way between the two in the middle.
pub(crate) fn median(mut values: Vec<Duration>) -> Duration {
    values.sort();
    let upper = values.get(values.len() / 2).copied().unwrap_or_default();
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    (upper + lower) / 2
}

/// Milliseconds with about three digits.
pub(crate) fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1e3;
    if ms < 10.0 {
        format!("{ms:.2}")
    } else if ms < 100.0 {
        format!("{ms:.1}")
    } else {
        format!("{ms:.0}")
    }
}

/// With commas.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb <!-- y:begin --><!-- y:end -->\n";
        let new = "a\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\nb <!-- y:begin --><!-- y:end -->\n";
        assert_eq!(replaced(page, "x", "new\n").unwrap(), new);
        replaced(page, "z", "new").unwrap_err();
    }

    #[test]
    fn numbers_read_well() {
        assert_eq!([thousands(0), thousands(999), thousands(212_000)], ["0", "999", "212,000"]);
        assert_eq!([ms(Duration::from_micros(1234)), ms(Duration::from_millis(99))], ["1.23", "99.0"]);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let values = [4, 1, 3, 2].map(Duration::from_secs);
        assert_eq!(median(values.to_vec()), Duration::from_millis(2500));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}
