use eframe::egui::{self, Grid, ScrollArea, Ui};
use egui_plot::{Legend, Line, Plot, PlotPoints};
use sockscope_live::{Event, Held, Sample, labels};
use sockscope_model::{Field, Row, Value};
use sockscope_output::{Column, clean, push_cell, push_human};

use crate::app::App;
use crate::words::Words;

/// Fields of the socket, as far as they are known.
const SOCKET: [Column; 10] = [
    Column::Field(Field::Exposure),
    Column::Age,
    Column::Field(Field::User),
    Column::Field(Field::QueuesReceive),
    Column::Field(Field::QueuesSend),
    Column::Timer,
    Column::Field(Field::Interface),
    Column::Namespace,
    Column::Field(Field::Cgroup),
    Column::Field(Field::Cookie),
];

/// Of an owner, longer texts go on in the next line: what the connection does shall be in sight.
const WIDEST: f32 = 170.0;

/// Of `tcp_info`, what is not in the plots.
const TRAFFIC: [Field; 12] = [
    Field::SentBytes,
    Field::ReceivedBytes,
    Field::RttUs,
    Field::RttVariationUs,
    Field::MinRttUs,
    Field::RetransmittedSegments,
    Field::LostSegments,
    Field::CongestionControl,
    Field::CongestionWindow,
    Field::SegmentSize,
    Field::DeliveryRateBps,
    Field::LastReceivedUs,
];

impl App {
    pub(crate) fn details(&mut self, ui: &mut Ui) {
        let words = self.words;
        let Some(held) = &self.subject else {
            ui.weak(words.details_hint);
            return;
        };
        let row = held.row();
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            if held.is_gone {
                ui.colored_label(ui.visuals().error_fg_color, words.connection_gone);
            }
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| {
                    socket(ui, words, &row);
                });
                ui.separator();
                ui.vertical(|ui| {
                    ui.set_max_width(WIDEST * 1.5);
                    owners(ui, words, &row);
                    places(ui, words, &row);
                    self.life(ui, held);
                });
                if row.socket.traffic.is_some() {
                    ui.separator();
                    ui.vertical(|ui| traffic(ui, words, &row));
                    ui.separator();
                    ui.vertical(|ui| self.plots(ui));
                }
            });
        });
    }

    fn life(&self, ui: &mut Ui, held: &Held) {
        let words = self.words;
        let Some(arrangement) = &self.arrangement else { return };
        let life = arrangement.life(&held.socket);
        if life.is_empty() {
            return;
        }
        ui.strong(words.life);
        for moment in life {
            let mut text = String::new();
            push_human(&mut text, &Value::Time(moment.at));
            let state =
                |state: Option<sockscope_model::State>| state.map_or_else(String::new, |state| state.to_string());
            let what = match moment.what {
                Event::Opened(it) => words.with(words.opened, &[&state(it)]),
                Event::Found(it) => words.with(words.found, &[&state(it)]),
                Event::State(it) => state(it),
                Event::Gone => words.gone.to_owned(),
            };
            ui.label(format!("{text}  {what}"));
        }
    }

    fn plots(&self, ui: &mut Ui) {
        let words = self.words;
        let samples = self.history.samples();
        let line = |name: &str, value: fn(&Sample) -> Option<f64>| {
            let latest = samples.back().and_then(|it| it.taken);
            let points = samples.iter().filter_map(|sample| {
                let (at, latest) = (sample.taken?, latest?);
                let seconds = -(latest.micros_since(at) as f64) / 1e6;
                Some([seconds, value(sample)?])
            });
            Line::new(name.to_owned(), PlotPoints::from_iter(points))
        };
        let plot = |id: &str| {
            Plot::new(id.to_owned())
                .height(100.0)
                .width(210.0)
                .allow_drag(false)
                .allow_zoom(false)
                .allow_scroll(false)
                .allow_boxed_zoom(false)
                .show_x(false)
                .include_y(0.0)
                .legend(Legend::default())
        };
        let bytes = |mark: egui_plot::GridMark, _: &std::ops::RangeInclusive<f64>| axis(mark.value, Value::Bytes);
        plot("rates").y_axis_formatter(bytes).show(ui, |ui| {
            ui.line(line(words.received, |sample| sample.receiving.map(|rate| rate as f64)));
            ui.line(line(words.sent, |sample| sample.sending.map(|rate| rate as f64)));
        });
        let micros = |mark: egui_plot::GridMark, _: &std::ops::RangeInclusive<f64>| axis(mark.value, Value::Micros);
        plot("round trip").y_axis_formatter(micros).show(ui, |ui| {
            ui.line(line(words.round_trip, |sample| sample.rtt.map(|rtt| rtt as f64)));
        });
    }
}

fn axis(value: f64, unit: fn(u64) -> Value<'static>) -> String {
    let mut text = String::new();
    push_human(&mut text, &unit(value.max(0.0) as u64));
    text
}

fn tell(ui: &mut Ui, name: &str, text: &str) {
    ui.weak(name);
    ui.add(egui::Label::new(text).selectable(true).wrap());
    ui.end_row();
}

/// A column, unless there is nothing to say.
fn column(ui: &mut Ui, words: &Words, column: Column, row: &Row<'_>) {
    let mut text = String::new();
    push_cell(&mut text, column, row, None);
    if text != "-" {
        tell(ui, words.column(sockscope_live::Shown::Socket(column)), &text);
    }
}

fn socket(ui: &mut Ui, words: &Words, row: &Row<'_>) {
    let socket = row.socket;
    let state = socket.state.map_or_else(String::new, |state| format!(" {state}"));
    ui.strong(format!("{} {}{state}", socket.key.protocol.name(), socket.family().name()));
    Grid::new("socket").num_columns(2).show(ui, |ui| {
        column(ui, words, Column::Local, row);
        column(ui, words, Column::Remote, row);
        for of in SOCKET {
            column(ui, words, of, row);
        }
    });
}

fn owners(ui: &mut Ui, words: &Words, row: &Row<'_>) {
    if let Some(reason) = row.socket.owners.reason() {
        ui.strong(words.owner);
        ui.label(words.with(words.owner_none, &[reason.name()]));
    }
    for owner in row.socket.owners.processes() {
        let process = row.snapshot().process(owner.process);
        let name = process.map_or_else(|| "?".into(), |process| clean(&process.name));
        ui.strong(format!("{name}[{}]", owner.process.pid));
        Grid::new(("owner", owner.process.pid)).num_columns(2).max_col_width(WIDEST).show(ui, |ui| {
            if let Some(path) = process.and_then(|process| process.path.as_ref()) {
                tell(ui, words.path, &clean(&path.to_string_lossy()));
            }
            if let Some(arguments) = process.and_then(|process| process.command_line.as_ref()) {
                let mut text = clean(&arguments.join(" ")).into_owned();
                sockscope_output::cut(&mut text, 100);
                tell(ui, words.command, &text);
            }
            let texts = [
                (words.user, process.and_then(|process| process.user.as_deref())),
                (words.service, row.snapshot().service(row.socket, owner)),
                (words.container, process.and_then(|process| process.container.as_deref())),
            ];
            for (name, text) in texts {
                if let Some(text) = text {
                    tell(ui, name, &clean(text));
                }
            }
            if let Some(started) = owner.process.started {
                let mut text = String::new();
                push_human(&mut text, &Value::Time(started));
                tell(ui, words.started, &text);
            }
            if !owner.fds.is_empty() {
                let fds: Vec<String> = owner.fds.iter().take(20).map(u32::to_string).collect();
                tell(ui, words.descriptors, &fds.join(", "));
            }
        });
    }
}

fn traffic(ui: &mut Ui, words: &Words, row: &Row<'_>) {
    ui.strong("TCP");
    Grid::new("traffic").num_columns(2).show(ui, |ui| {
        for field in TRAFFIC {
            column(ui, words, Column::Field(field), row);
        }
    });
}

fn places(ui: &mut Ui, words: &Words, row: &Row<'_>) {
    if row.socket.key.remote.is_none() {
        return;
    }
    ui.strong(words.place);
    if row.places().is_empty() {
        ui.label(words.no_place);
    }
    for place in row.places() {
        ui.label(labels::place_text(place));
        ui.small(clean(&place.database));
    }
}
