use sockscope_core::{Needs, SortKey};
use sockscope_output::{Column, TableOptions};

use crate::args::{Format, ListArgs};
use crate::exit::Failure;
use crate::selection::Selection;
use crate::terminal::Terminal;

/// How to print.
pub(crate) enum Printing {
    /// A table for people.
    Table(TableOptions),
    /// One document.
    Json,
    /// An object a line.
    Ndjson,
    /// These columns; the header line if true.
    Csv(Vec<Column>, bool),
    /// These columns, or else those that suit, and the ones behind them.
    Html(Option<Vec<Column>>, Vec<Column>),
}

/// What `list` does.
pub(crate) struct ListPlan {
    pub(crate) selection: Selection,
    pub(crate) printing: Printing,
    /// Empty: the usual order.
    pub(crate) sort: Vec<SortKey>,
    pub(crate) limit: usize,
}

impl ListPlan {
    /// What the words mean.
    pub(crate) fn new(args: &ListArgs) -> Result<ListPlan, Failure> {
        let mut selection = Selection::new(&args.sockets)?;
        if !args.owners && selection.request.owners {
            return Err(Failure::Usage("the filter asks for owners, which --no-owners leaves out".to_owned()));
        }
        let sort = match &args.sort {
            Some(keys) => sort_keys(keys)?,
            None => Vec::new(),
        };
        let printing = Printing::new(args)?;
        let needs = sort.iter().fold(printing_needs(&printing), |needs, key| needs.or(Needs::of(key.field)));
        let request = &mut selection.request;
        request.owners = args.owners && (request.owners || needs.owners);
        // On Windows a socket's user is that of its process.
        let details = request.process_details || needs.process_details || cfg!(windows);
        request.process_details = args.owners && details;
        request.traffic |= needs.traffic;
        request.cgroups |= needs.cgroups;
        if needs.places && !selection.has_places() && sort.iter().any(|key| key.field.needs_places()) {
            return Err(Failure::Usage("--sort asks for places, which --no-place leaves out".to_owned()));
        }
        if !selection.resolves() && sort.iter().any(|key| key.field.needs_names()) {
            return Err(Failure::Usage("--sort asks for names of peers, which only --resolve looks up".to_owned()));
        }
        selection.places = needs.places;
        Ok(ListPlan { selection, printing, sort, limit: args.limit.unwrap_or(usize::MAX) })
    }
}

impl Printing {
    fn new(args: &ListArgs) -> Result<Printing, Failure> {
        let format = args.format.unwrap_or(Format::Table);
        let columns = match &args.columns {
            Some(_) if matches!(format, Format::Json | Format::Ndjson) => {
                return Err(Failure::Usage(format!(
                    "--columns is for table, csv and html; {} always has every key",
                    format.name()
                )));
            }
            Some(columns) => Some(
                Column::parse_list(columns)
                    .map_err(|error| Failure::Usage(format!("--columns: {error} (`--columns help` lists them)")))?,
            ),
            None => None,
        };
        let extra = extra_columns(args, columns.as_deref().unwrap_or_default());
        Ok(match format {
            Format::Table => {
                let terminal = Terminal::of_stdout();
                let width = terminal.width_or(args.width);
                let colour = terminal.colour(args.colour);
                Printing::Table(TableOptions { width, colour, header: args.header, columns, extra })
            }
            Format::Json => Printing::Json,
            Format::Ndjson => Printing::Ndjson,
            Format::Csv => {
                let columns = match columns {
                    Some(columns) => columns.into_iter().chain(extra).collect(),
                    None => Column::default_csv(),
                };
                Printing::Csv(columns, args.header)
            }
            Format::Html => Printing::Html(columns, extra),
        })
    }
}

/// What `-e`, `-o` and `-i` add behind the columns that are there anyway.
fn extra_columns(args: &ListArgs, named: &[Column]) -> Vec<Column> {
    let mut extra = Vec::new();
    if args.extended {
        extra.extend(Column::extended(std::env::consts::OS));
    }
    // To hands that are used to the netstat of Windows, it means the owners, which are there anyway.
    if args.timers && !cfg!(windows) {
        extra.push(Column::Timer);
    }
    if args.sockets.info {
        extra.extend(Column::traffic());
    }
    let mut seen = named.to_vec();
    extra.retain(|column| {
        let is_new = !seen.contains(column);
        seen.push(*column);
        is_new
    });
    extra
}

/// What must be looked up to print so. Whether JSON and CSV in full have the counters of traffic is for `-i` to say.
fn printing_needs(printing: &Printing) -> Needs {
    let usual = Needs { owners: true, places: true, ..Needs::default() };
    let all = Needs { process_details: true, cgroups: true, ..usual };
    match printing {
        Printing::Table(TableOptions { columns: Some(columns), extra, .. }) | Printing::Html(Some(columns), extra) => {
            column_needs(columns).or(column_needs(extra))
        }
        Printing::Table(TableOptions { columns: None, extra, .. }) => usual.or(column_needs(extra)),
        Printing::Html(None, extra) => Needs { process_details: true, ..usual }.or(column_needs(extra)),
        Printing::Json | Printing::Ndjson => all,
        Printing::Csv(columns, _) if *columns == Column::default_csv() => all,
        Printing::Csv(columns, _) => column_needs(columns),
    }
}

fn column_needs(columns: &[Column]) -> Needs {
    columns.iter().fold(Needs::default(), |needs, column| {
        needs.or(Needs {
            owners: column.needs_owners() || column.needs_process_details(),
            process_details: column.needs_process_details(),
            traffic: column.needs_traffic(),
            cgroups: column.needs_cgroups(),
            places: column.needs_places(),
            ..Needs::default()
        })
    })
}

/// Columns to sort by, under every name that `--columns` takes too.
fn sort_keys(text: &str) -> Result<Vec<SortKey>, Failure> {
    let error = match SortKey::parse(text) {
        Ok(keys) => return Ok(keys),
        Err(error) => error,
    };
    let long_names: Vec<String> = text
        .split(',')
        .map(|key| {
            let (name, direction) = key.split_at(key.find(':').unwrap_or(key.len()));
            match Column::from_name(name.trim()) {
                Some(Column::Field(field)) => format!("{}{direction}", field.name()),
                _ => key.to_owned(),
            }
        })
        .collect();
    SortKey::parse(&long_names.join(",")).map_err(|_| Failure::Usage(format!("--sort: {error}")))
}
