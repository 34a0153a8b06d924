use sockscope_model::{Request, Source, SourceChoice, SourceError, Testimony, Witness};

use super::NativeSource;

/// Who can be asked which sockets there are, the one that knows most first.
pub const WITNESSES: &[Witness] = &[Witness::Source(SourceChoice::SockDiag), Witness::Source(SourceChoice::Procfs)];

/// Asks one of them, and no other: what it does not know stays unknown.
///
/// # Errors
/// It could not be heard.
pub fn testify(witness: Witness, request: &Request) -> Result<Testimony, SourceError> {
    let choice = match witness {
        Witness::Source(choice) => choice,
        _ => SourceChoice::SockDiag,
    };
    let snapshot = NativeSource::new(choice)?.snapshot(request)?;
    Ok(Testimony { snapshot, quirks: Vec::new(), damaged: None })
}
