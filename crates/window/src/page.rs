use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::args::{Args, EXAMPLES};
use crate::trouble::{Failure, PROGRAM};

/// The manual page on standard output, for packages.
pub(crate) fn print() -> ExitCode {
    let written = render().and_then(|page| io::stdout().lock().write_all(&page));
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => Failure::system(format!("can't write to standard output: {error}")).end(),
    }
}

fn render() -> io::Result<Vec<u8>> {
    let command = Args::command().after_help("");
    let man = Man::new(command)
        .title(PROGRAM.to_uppercase())
        .source(format!("sockscope {}", env!("CARGO_PKG_VERSION")))
        .manual("User Commands");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    // The generator's own would show each option.
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(PROGRAM), roman(" [OPTIONS] [FILTER]...")]);
    roff.to_writer(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    roff.control("nf", []);
    for line in EXAMPLES.lines().skip(1) {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.control("SH", ["FILES"]);
    roff.control("TP", []);
    roff.text([roman("~/.local/state/sockscope/window.toml (or in $XDG_STATE_HOME)")]);
    roff.text([roman("What was shown last: columns, order, language, size. It may be deleted.")]);
    roff.control("SH", ["EXIT STATUS"]);
    for (status, meaning) in [
        ("0", "the window was closed"),
        ("2", "an option is wrong"),
        ("3", "there is no display, a file can't be read, or the operating system refused or failed"),
    ] {
        roff.control("TP", []);
        roff.text([bold(status)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([bold("sockscope"), roman("(1), "), bold("sockscope-top"), roman("(1)")]);
    roff.to_writer(&mut page)?;
    Ok(page)
}
