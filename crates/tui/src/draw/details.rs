use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use sockscope_model::{Field, Row, Value};
use sockscope_output::{Column, clean, push_cell, push_human};

use super::pages::{Text, wrapped};
use super::{bars, width};
use crate::app::{App, Mode};
use sockscope_live::{Sample, labels, name_text};

/// Room for the names of what is told.
const NAMES: usize = 16;

impl App {
    pub(super) fn draw_details(&mut self, buffer: &mut Buffer, area: Rect) {
        let details = match &self.mode {
            Mode::Details(details) => details,
            Mode::Ask(question) => match &question.details {
                Some(details) => details,
                None => return,
            },
            _ => return,
        };
        let mut page = Page { app: self, room: usize::from(area.width), lines: Vec::new() };
        let row = details.row();
        if details.held.is_gone {
            page.lines.push(vec![("this socket is gone; this is what was known of it".to_owned(), self.theme.error())]);
        }
        page.socket(&row);
        page.owners(&row);
        page.traffic(&row);
        page.places(&row);
        let (lines, top) = (page.lines, details.top);
        let top = self.draw_page(buffer, area, &lines, top);
        if let Mode::Details(details) = &mut self.mode {
            details.top = top;
        }
    }
}

struct Page<'a> {
    app: &'a App,
    room: usize,
    lines: Vec<Text>,
}

impl Page<'_> {
    fn title(&mut self, title: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        self.lines.push(vec![(title.to_owned(), self.app.theme.titles())]);
    }

    /// A name and what there is to say, in as many lines as it needs.
    fn tell(&mut self, name: &str, text: &str) {
        let indent = if self.room < 50 { 2 } else { NAMES + 2 };
        let mut lines = wrapped(text, self.room, &" ".repeat(indent)).into_iter().flatten().map(|(line, _)| line);
        let name_style = self.app.theme.dim();
        if indent == 2 {
            self.lines.push(vec![(format!(" {name}"), name_style)]);
        } else if let Some(first) = lines.next() {
            let first = first.trim_start().to_owned();
            self.lines.push(vec![(format!("  {name:<NAMES$}"), name_style), (first, Style::new())]);
        }
        self.lines.extend(lines.map(|line| vec![(line, Style::new())]));
    }

    /// A column, unless there is nothing to say.
    fn column(&mut self, name: &str, column: Column, row: &Row<'_>) {
        let mut text = String::new();
        push_cell(&mut text, column, row, None);
        if text != "-" {
            self.tell(name, &text);
        }
    }

    fn socket(&mut self, row: &Row<'_>) {
        self.title("Socket");
        let socket = row.socket;
        let state = socket.state.map_or_else(String::new, |state| format!(" {state}"));
        self.tell("protocol", &format!("{} {}{state}", socket.key.protocol.name(), socket.family().name()));
        self.column("local", Column::Local, row);
        self.column("remote", Column::Remote, row);
        if let Some(name) = socket.key.remote.and_then(|remote| row.frame.names.get(&remote.ip())) {
            self.tell("remote name", &clean(name_text(Some(name))));
        }
        for (name, column) in [
            ("exposure", Column::Field(Field::Exposure)),
            ("opened", Column::Field(Field::OpenedAt)),
            ("age", Column::Age),
            ("user", Column::Field(Field::User)),
            ("receive queue", Column::Field(Field::QueuesReceive)),
            ("send queue", Column::Field(Field::QueuesSend)),
            ("timer", Column::Timer),
            ("interface", Column::Field(Field::Interface)),
            ("mark", Column::Field(Field::Mark)),
            ("namespace", Column::Namespace),
            ("cgroup", Column::Field(Field::Cgroup)),
            ("inode", Column::Field(Field::Inode)),
            ("cookie", Column::Field(Field::Cookie)),
        ] {
            self.column(name, column, row);
        }
    }

    fn owners(&mut self, row: &Row<'_>) {
        let owners = row.socket.owners.processes();
        self.title(if owners.len() > 1 { "Owners" } else { "Owner" });
        if let Some(reason) = row.socket.owners.reason() {
            self.tell("nobody", reason.name());
        }
        for owner in owners {
            let process = row.snapshot().process(owner.process);
            let name = process.map_or_else(|| "?".into(), |process| clean(&process.name));
            self.tell("process", &format!("{name}[{}]", owner.process.pid));
            if let Some(path) = process.and_then(|process| process.path.as_ref()) {
                self.tell("path", &clean(&path.to_string_lossy()));
            }
            if let Some(arguments) = process.and_then(|process| process.command_line.as_ref()) {
                self.tell("command", &clean(&arguments.join(" ")));
            }
            let texts = [
                ("user", process.and_then(|process| process.user.as_deref())),
                ("service", row.snapshot().service(row.socket, owner)),
                ("container", process.and_then(|process| process.container.as_deref())),
            ];
            for (name, text) in texts {
                if let Some(text) = text {
                    self.tell(name, &clean(text));
                }
            }
            if let Some(started) = owner.process.started {
                let mut text = String::new();
                push_human(&mut text, &Value::Time(started));
                self.tell("started", &text);
            }
            if !owner.fds.is_empty() {
                let fds: Vec<String> = owner.fds.iter().map(u32::to_string).collect();
                self.tell("descriptors", &fds.join(", "));
            }
        }
    }

    fn traffic(&mut self, row: &Row<'_>) {
        if row.socket.traffic.is_none() {
            return;
        }
        self.title("TCP");
        let history = &self.app.history;
        let of = |value: fn(&Sample) -> Option<u64>| -> Vec<u64> {
            history.samples().iter().map(|sample| value(sample).unwrap_or(0)).collect()
        };
        type Value4 = (&'static str, fn(u64) -> Value<'static>, fn(&Sample) -> Option<u64>);
        let told: [Value4; 6] = [
            ("receiving/s", Value::Bytes, |it| it.receiving),
            ("sending/s", Value::Bytes, |it| it.sending),
            ("rtt", Value::Micros, |it| it.rtt),
            ("window", Value::Number, |it| it.window),
            ("delivery rate", Value::Rate, |it| it.delivery),
            ("retransmitted", Value::Number, |it| it.retransmitted),
        ];
        for (name, unit, value) in told {
            let values = of(value);
            let Some(latest) = history.samples().back().and_then(value) else { continue };
            let mut text = String::new();
            push_human(&mut text, &unit(latest));
            let room = self.room.saturating_sub(NAMES + 2 + 10).min(60);
            let skipped = values.len().saturating_sub(room);
            let bars = bars(values.into_iter().skip(skipped));
            if width(bars.trim()) > 0 && room > 0 {
                text = format!("{text:<9} {bars}");
            }
            self.lines.push(vec![(format!("  {name:<NAMES$}"), self.app.theme.dim()), (text, Style::new())]);
        }
        for (name, field) in [
            ("sent", Field::SentBytes),
            ("received", Field::ReceivedBytes),
            ("rtt variation", Field::RttVariationUs),
            ("min rtt", Field::MinRttUs),
            ("lost", Field::LostSegments),
            ("congestion", Field::CongestionControl),
            ("segment size", Field::SegmentSize),
            ("send rate", Field::SendRateBps),
            ("last sent", Field::LastSentUs),
            ("last received", Field::LastReceivedUs),
        ] {
            self.column(name, Column::Field(field), row);
        }
    }

    fn places(&mut self, row: &Row<'_>) {
        if row.socket.key.remote.is_none() || !self.app.places {
            return;
        }
        self.title("Place of the peer");
        let places = row.places();
        if places.is_empty() {
            self.tell("", "no IP database knows, or none was asked yet");
        }
        for place in places {
            let mut text = labels::place_text(place);
            text.push_str(&format!(" ({})", clean(&place.database)));
            self.tell(place.country_code.as_deref().unwrap_or(""), &text);
        }
    }
}
