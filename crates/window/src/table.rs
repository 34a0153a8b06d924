//! The table: every line that fits is drawn, and no other.

use std::sync::Arc;

use eframe::egui::{
    self, Align2, Color32, CornerRadius, CursorIcon, FontId, Id, Rect, Role, Sense, Shape, Stroke, TextStyle, Ui, Vec2,
    WidgetInfo, pos2,
};
use egui_table::{CellInfo, Column as TableColumn, HeaderCellInfo, HeaderRow, Table, TableDelegate, TableState};
use sockscope_core::Identity;
use sockscope_live::{Arrangement, GroupKey, LineKey, Shown, Sort, View, cells, digest, labels};
use sockscope_model::{Field, Frame};
use sockscope_output::Column;

use crate::app::{App, table_id};
use crate::theme;
use crate::words::Words;

/// Space beside the text of a cell.
const MARGIN: f32 = 5.0;

/// How far sockets stand to the right of their group.
const INDENT: f32 = 16.0;

/// What is shown before anybody chooses.
pub(crate) fn default_columns(frame: Option<&Frame>) -> Vec<Shown> {
    let field = |field| Shown::Socket(Column::Field(field));
    let mut columns = vec![
        Shown::Socket(Column::Process),
        field(Field::Protocol),
        field(Field::State),
        Shown::Socket(Column::Local),
        Shown::Socket(Column::Remote),
    ];
    let several = frame.is_some_and(|frame| frame.databases.len() > 1);
    columns.push(if several { Shown::Socket(Column::Places) } else { field(Field::PlaceText) });
    columns.extend([Shown::Receiving, Shown::Sending, Shown::Trend, field(Field::User)]);
    columns
}

/// How wide a column is before anybody drags it, in points at the usual size of text.
fn usual_width(column: Shown) -> f32 {
    match column {
        Shown::Socket(Column::Process) => 190.0,
        Shown::Socket(Column::Field(Field::Protocol | Field::Family)) => 50.0,
        Shown::Socket(Column::Field(Field::State)) => 95.0,
        Shown::Socket(Column::Local | Column::Remote) => 190.0,
        Shown::Socket(Column::Field(Field::PlaceText) | Column::Places) => 200.0,
        Shown::Receiving | Shown::Sending | Shown::Trend => 80.0,
        Shown::Socket(Column::Field(Field::User)) => 90.0,
        Shown::Socket(Column::Field(
            Field::OwnerPath | Field::OwnerCommandLine | Field::Cgroup | Field::PlaceOrganization | Field::RemoteName,
        )) => 220.0,
        Shown::Socket(Column::Field(Field::OpenedAt | Field::OwnerStartedAt)) => 170.0,
        Shown::Socket(Column::Field(Field::LocalAddress | Field::RemoteAddress)) => 150.0,
        _ => 90.0,
    }
}

/// By which the widths of the table are kept.
fn column_id(column: Shown) -> Id {
    Id::unique(("column", column.name()))
}

/// What was done in the table.
enum Act {
    Click { position: usize, add: bool, range: bool },
    Menu { position: usize, at: egui::Pos2 },
    Toggle(GroupKey),
    Sort { column: Shown, second: bool },
    Drag(Shown),
    Drop,
    Columns,
}

impl App {
    pub(crate) fn table(&mut self, ui: &mut Ui) {
        let Some(arrangement) = self.arrangement.clone() else {
            let text = self.failure.clone().unwrap_or_else(|| self.words.looking.to_owned());
            ui.centered_and_justified(|ui| ui.weak(text));
            return;
        };
        let columns = self.columns();
        let row_height = (ui.text_style_height(&TextStyle::Body) + 4.0).round();
        let header_height = row_height + 4.0;
        self.page = ((ui.available_height() - header_height) / row_height).max(1.0) as usize;
        let id = TableState::id(ui, egui::IdSalt::new("sockets"));
        self.seed_widths(ui, id, &columns);
        let mut table = Table::new()
            .id_salt("sockets")
            .num_rows(arrangement.lines.len() as u64)
            .columns(
                columns
                    .iter()
                    .map(|column| {
                        TableColumn::new(usual_width(*column))
                            .range(30.0..=900.0)
                            .id(column_id(*column))
                            .resizable(true)
                    })
                    .collect::<Vec<_>>(),
            )
            .headers([HeaderRow::new(header_height)]);
        if let Some(position) = self.scroll_to.take() {
            // It stops short by the height of the titles.
            table = table.scroll_to_rows(position as u64..=position as u64 + 2, None);
        }
        let area = ui.available_rect_before_wrap();
        let focus = ui.interact(area, table_id(), Sense::focusable_noninteractive());
        focus.widget_info(|| WidgetInfo::labeled(Role::Table, true, self.words.sockets));
        if focus.has_focus() {
            // Else arrows would lead to the widgets around it.
            let filter = egui::EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                escape: true,
                ..egui::EventFilter::default()
            };
            ui.memory_mut(|memory| memory.set_focus_lock_filter(table_id(), filter));
        }
        let mut delegate = Delegate {
            app: self,
            arrangement: &arrangement,
            columns: &columns,
            font: TextStyle::Body.resolve(ui.style()),
            row_height,
            hovered: None,
            headers: Vec::new(),
            acts: Vec::new(),
        };
        table.show(ui, &mut delegate);
        let Delegate { acts, headers, .. } = delegate;
        if arrangement.lines.is_empty() {
            let nothing = arrangement.settings.filters.iter().all(|filter| filter.is_everything());
            let text = if nothing { self.words.nothing } else { self.words.no_match };
            let color = ui.visuals().weak_text_color();
            let font = TextStyle::Body.resolve(ui.style());
            ui.painter().text(area.center(), Align2::CENTER_CENTER, text, font, color);
        }
        self.dragged_title(ui, &columns, &headers);
        for act in acts {
            self.act(&arrangement, act, &columns, &headers, ui);
        }
        self.note_widths(ui, id, &columns);
    }

    fn act(&mut self, arrangement: &Arc<Arrangement>, act: Act, columns: &[Shown], headers: &[(Shown, Rect)], ui: &Ui) {
        match act {
            Act::Click { position, add, range } => {
                ui.memory_mut(|memory| memory.request_focus(table_id()));
                self.selection.choose(arrangement, position, add, range);
                if let Some(held) = sockscope_live::Held::of(arrangement, position) {
                    self.show(Some(held));
                }
            }
            Act::Menu { position, at } => {
                let over = headers.iter().find(|(_, title)| title.x_range().contains(at.x));
                self.open_menu(arrangement, position, over.map(|(column, _)| *column), at);
            }
            Act::Toggle(group) => self.toggle(&group),
            Act::Sort { column, second } => self.sort_by(column, second),
            Act::Drag(column) => self.dragged = Some(column),
            Act::Drop => {
                let dragged = self.dragged.take();
                if let (Some(dragged), Some(at)) = (dragged, ui.input(|input| input.pointer.latest_pos())) {
                    let to = place(headers, at.x);
                    let mut columns = columns.to_vec();
                    let from = columns.iter().position(|column| *column == dragged);
                    if let Some(from) = from {
                        columns.remove(from);
                        let to = if to > from { to - 1 } else { to };
                        columns.insert(to.min(columns.len()), dragged);
                        self.set_columns(Some(columns));
                    }
                }
            }
            Act::Columns => self.dialog = Some(crate::dialog::Dialog::Columns),
        }
    }

    /// Where a title that is dragged would go.
    fn dragged_title(&self, ui: &Ui, columns: &[Shown], headers: &[(Shown, Rect)]) {
        let (Some(dragged), Some(at)) = (self.dragged, ui.input(|input| input.pointer.latest_pos())) else { return };
        let to = place(headers, at.x);
        let x = match headers.get(to) {
            Some((_, rect)) => rect.left(),
            None => headers.last().map_or(0.0, |(_, rect)| rect.right()),
        };
        let Some((_, rect)) = headers.first() else { return };
        let painter = ui.ctx().layer_painter(egui::LayerId::new(egui::Order::Tooltip, Id::unique("dragged title")));
        painter.vline(x, rect.y_range(), Stroke::new(3.0, ui.visuals().selection.bg_fill));
        if columns.contains(&dragged) {
            let text = self.words.column(dragged);
            let font = TextStyle::Body.resolve(ui.style());
            painter.text(at + Vec2::new(8.0, 8.0), Align2::LEFT_TOP, text, font, ui.visuals().strong_text_color());
        }
        ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    }

    /// The table keeps widths itself; before it is shown first, it gets those that are remembered.
    fn seed_widths(&self, ui: &Ui, id: Id, columns: &[Shown]) {
        let mut state = TableState::load(ui.ctx(), id).unwrap_or_default();
        let mut is_new = false;
        for column in columns {
            state.col_widths.entry(column_id(*column)).or_insert_with(|| {
                is_new = true;
                let remembered = self.remembered.widths.iter().find(|(of, _)| of == column).map(|(_, width)| *width);
                remembered.unwrap_or_else(|| usual_width(*column))
            });
        }
        if is_new {
            state.store(ui.ctx(), id);
        }
    }

    /// Remembers widths that somebody dragged, once the mouse is released.
    fn note_widths(&mut self, ui: &Ui, id: Id, columns: &[Shown]) {
        if ui.input(|input| input.pointer.any_down()) {
            return;
        }
        let Some(state) = TableState::load(ui.ctx(), id) else { return };
        let mut changed = false;
        for column in columns {
            let Some(width) = state.col_widths.get(&column_id(*column)).map(|width| width.round()) else { continue };
            match self.remembered.widths.iter_mut().find(|(of, _)| of == column) {
                Some((_, known)) if (*known - width).abs() < 1.0 => {}
                Some((_, known)) => {
                    *known = width;
                    changed = true;
                }
                None if (usual_width(*column) - width).abs() < 1.0 => {}
                None => {
                    self.remembered.widths.push((*column, width));
                    changed = true;
                }
            }
        }
        if changed {
            self.changed();
        }
    }
}

/// Before which title something is dropped.
fn place(headers: &[(Shown, Rect)], x: f32) -> usize {
    headers.iter().position(|(_, rect)| x < rect.center().x).unwrap_or(headers.len())
}

struct Delegate<'a> {
    app: &'a mut App,
    arrangement: &'a Arrangement,
    columns: &'a [Shown],
    font: FontId,
    row_height: f32,
    /// The line under the pointer.
    hovered: Option<usize>,
    headers: Vec<(Shown, Rect)>,
    acts: Vec<Act>,
}

impl TableDelegate for Delegate<'_> {
    fn header_cell_ui(&mut self, ui: &mut Ui, cell: &HeaderCellInfo) {
        let Some(column) = self.columns.get(cell.col_range.start).copied() else { return };
        let rect = ui.max_rect();
        self.headers.push((column, rect));
        let title = self.app.words.column(column);
        let sort = self.app.remembered.sort;
        let then = self.app.remembered.then;
        let direction = |sort: Sort| (sort.by == Some(column)).then_some(sort.descending);
        let first = direction(sort);
        let second = then.and_then(direction);
        let response =
            ui.interact(rect.shrink2(Vec2::new(4.0, 0.0)), column_id(column).with("title"), Sense::click_and_drag());
        let words = self.app.words;
        response.widget_info(|| {
            WidgetInfo::labeled(Role::ColumnHeader, true, spoken_title(words, title, first.or(second)))
        });
        let visuals = ui.visuals();
        ui.painter().rect_filled(rect, CornerRadius::ZERO, visuals.widgets.noninteractive.weak_bg_fill);
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, CornerRadius::ZERO, visuals.widgets.hovered.weak_bg_fill);
        }
        let arrow_room = if first.is_some() || second.is_some() { 14.0 } else { 0.0 };
        let room = Rect::from_min_max(
            pos2(rect.left() + MARGIN, rect.top()),
            pos2(rect.right() - MARGIN - arrow_room, rect.bottom()),
        );
        text(ui, room, title, &self.font, visuals.strong_text_color(), column.is_number() && arrow_room == 0.0);
        if let Some(descending) = first.or(second) {
            let at = pos2(rect.right() - MARGIN - 5.0, rect.center().y);
            let color = if first.is_some() { visuals.strong_text_color() } else { visuals.weak_text_color() };
            ui.painter().add(triangle(at, descending, color));
        }
        ui.painter().hline(rect.x_range(), rect.bottom(), visuals.widgets.noninteractive.bg_stroke);
        if response.drag_started() {
            self.acts.push(Act::Drag(column));
        } else if response.drag_stopped() {
            self.acts.push(Act::Drop);
        } else if response.clicked() {
            let second = ui.input(|input| input.modifiers.shift);
            self.acts.push(Act::Sort { column, second });
        } else if response.secondary_clicked() {
            self.acts.push(Act::Columns);
        }
    }

    fn row_ui(&mut self, ui: &mut Ui, row: u64) {
        // Every row is drawn once more for columns that do not scroll, of which there are none.
        if ui.clip_rect().width() <= 0.0 {
            return;
        }
        let position = row as usize;
        let Some(key) = self.arrangement.key(position) else { return };
        let rect = ui.max_rect();
        let is_cursor = self.app.selection.cursor() == Some(&key);
        let selected = match &key {
            LineKey::Socket(identity) => self.app.is_selected(identity),
            LineKey::Group(_) => is_cursor,
        };
        // Of the line's identity, so that a press on one and a release on what moved there is no click. A tree may have a socket
        // more than once.
        let salt = if self.arrangement.settings.view == View::Sockets { 0 } else { row };
        let id = table_id().with((digest(&key), salt));
        let response = ui.interact(rect, id, Sense::click());
        let visuals = ui.visuals();
        let mark = self.arrangement.mark(position);
        if row % 2 == 1 {
            ui.painter().rect_filled(rect, CornerRadius::ZERO, visuals.faint_bg_color);
        }
        if let Some(mark) = mark {
            ui.painter().rect_filled(rect, CornerRadius::ZERO, theme::mark(mark, visuals));
        }
        if selected {
            let color = visuals.selection.bg_fill;
            let color = if mark.is_some() { color.gamma_multiply(0.6) } else { color };
            ui.painter().rect_filled(rect, CornerRadius::ZERO, color);
        } else if response.hovered() {
            ui.painter().rect_filled(
                rect,
                CornerRadius::ZERO,
                visuals.widgets.hovered.weak_bg_fill.gamma_multiply(0.5),
            );
        }
        if is_cursor {
            let stroke = Stroke::new(1.0, visuals.selection.stroke.color);
            ui.painter().rect_stroke(rect.shrink(0.5), CornerRadius::ZERO, stroke, egui::StrokeKind::Inside);
        }
        self.hovered = response.hovered().then_some(position);
        let (arrangement, columns) = (self.arrangement, self.columns);
        response.widget_info(|| {
            let line = crate::export::text_line(arrangement, columns, position).replace('\t', " ");
            WidgetInfo::selected(Role::Row, true, selected, line)
        });
        let at = response.interact_pointer_pos();
        if let Some(group) = self.arrangement.group(position)
            && (response.double_clicked() || at.is_some_and(|at| response.clicked() && at.x < rect.left() + 18.0))
        {
            self.acts.push(Act::Toggle(group.key.clone()));
        } else if response.clicked() {
            let (add, range) = ui.input(|input| (input.modifiers.command, input.modifiers.shift));
            self.acts.push(Act::Click { position, add, range });
        }
        if response.secondary_clicked() {
            let at = at.or_else(|| ui.input(|input| input.pointer.latest_pos())).unwrap_or(rect.center());
            self.acts.push(Act::Menu { position, at });
        }
    }

    fn cell_ui(&mut self, ui: &mut Ui, cell: &CellInfo) {
        let Some(column) = self.columns.get(cell.col_nr).copied() else { return };
        let position = cell.row_nr as usize;
        let arrangement = self.arrangement;
        let mut rect = ui.max_rect().shrink2(Vec2::new(MARGIN, 0.0));
        if let Some(group) = arrangement.group(position) {
            return self.group_cell(ui, rect, group, column, cell.col_nr == 0, position);
        }
        let Some(row) = arrangement.row(position) else { return };
        if cell.col_nr == 0 && arrangement.settings.view != View::Sockets {
            rect.min.x += INDENT;
        }
        if column == Shown::Trend {
            return bars(ui, rect, &arrangement.trend(position));
        }
        let mut content = String::new();
        cells::push_socket_cell(&mut content, column, &row, None);
        let visuals = ui.visuals();
        let is_marked = arrangement.mark(position).is_some();
        let selected = self.app.is_selected(&Identity::of(row.socket));
        let color = match column {
            _ if selected => visuals.selection.stroke.color,
            _ if is_marked => visuals.strong_text_color(),
            Shown::Socket(Column::Field(Field::State)) => {
                row.socket.state.map_or(visuals.text_color(), |state| theme::state(state, visuals))
            }
            Shown::Socket(Column::Process) if row.socket.owners.reason().is_some() => visuals.weak_text_color(),
            _ => visuals.text_color(),
        };
        if content == "-" || content == "·" {
            text(ui, rect, &content, &self.font, visuals.weak_text_color(), column.is_number());
            return;
        }
        let is_cut = text(ui, rect, &content, &self.font, color, column.is_number());
        if is_cut && self.hovered == Some(position) && ui.rect_contains_pointer(rect) {
            let id = table_id().with(("cell", cell.row_nr, cell.col_nr));
            ui.interact(rect, id, Sense::hover()).on_hover_text(content);
        }
    }

    fn default_row_height(&self) -> f32 {
        self.row_height
    }
}

impl Delegate<'_> {
    fn group_cell(
        &self,
        ui: &Ui,
        mut rect: Rect,
        group: &sockscope_live::Group,
        column: Shown,
        is_first: bool,
        position: usize,
    ) {
        let color = ui.visuals().strong_text_color();
        if is_first {
            let at = pos2(rect.left() + 5.0, rect.center().y);
            ui.painter().add(pointer(at, group.is_open(), color));
            rect.min.x += INDENT;
            let mut label = String::new();
            labels::push_group(&mut label, group, &self.arrangement.look);
            if let Some(id) = labels::process_of(group, &self.arrangement.look)
                && matches!(group.key, GroupKey::Process(_))
            {
                label.push_str(&format!("[{}]", id.pid));
            }
            label.push_str(&format!("  ({})", group.sockets));
            text(ui, rect, &label, &self.font, color, false);
            return;
        }
        let mut content = String::new();
        match column {
            Shown::Trend => return bars(ui, rect, &self.arrangement.trend(position)),
            Shown::Sending | Shown::Receiving => {
                cells::push_group_cell(&mut content, column, group, &self.arrangement.look);
            }
            Shown::Socket(Column::Field(Field::PlaceText) | Column::Places)
                if matches!(group.key, GroupKey::Host(_)) =>
            {
                cells::push_group_cell(&mut content, Shown::Place, group, &self.arrangement.look);
            }
            Shown::Socket(Column::Field(Field::User))
                if matches!(group.key, GroupKey::Process(_) | GroupKey::Listener(_)) =>
            {
                cells::push_group_cell(&mut content, Shown::User, group, &self.arrangement.look);
            }
            Shown::Socket(Column::Field(Field::SentBytes)) => {
                cells::push_group_cell(&mut content, Shown::Sent, group, &self.arrangement.look);
            }
            Shown::Socket(Column::Field(Field::ReceivedBytes)) => {
                cells::push_group_cell(&mut content, Shown::Received, group, &self.arrangement.look);
            }
            Shown::Socket(Column::Field(Field::State)) => {
                let mut parts = Vec::new();
                for (count, name) in [(group.listening, "listen"), (group.established, "established")] {
                    if count > 0 {
                        parts.push(format!("{count} {name}"));
                    }
                }
                content = parts.join(", ");
            }
            _ => {}
        }
        text(ui, rect, &content, &self.font, color, column.is_number());
    }
}

fn spoken_title(words: &Words, title: &str, sorted: Option<bool>) -> String {
    match sorted {
        None => title.to_owned(),
        Some(false) => format!("{title}, {}", words.ascending),
        Some(true) => format!("{title}, {}", words.descending),
    }
}

/// One line of text, cut where it does not fit; says whether it was.
fn text(ui: &Ui, rect: Rect, content: &str, font: &FontId, color: Color32, right: bool) -> bool {
    if content.is_empty() || rect.width() <= 0.0 {
        return false;
    }
    let mut job = egui::text::LayoutJob::simple_singleline(content.to_owned(), font.clone(), color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width());
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let is_cut = galley.elided;
    let y = rect.center().y - galley.size().y / 2.0;
    let x = if right && !is_cut { rect.right() - galley.size().x } else { rect.left() };
    ui.painter().with_clip_rect(rect.intersect(ui.clip_rect())).galley(pos2(x, y), galley, color);
    is_cut
}

fn triangle(at: egui::Pos2, down: bool, color: Color32) -> Shape {
    let (tip, base) = if down { (4.0, -3.0) } else { (-4.0, 3.0) };
    let points = vec![at + Vec2::new(0.0, tip), at + Vec2::new(-4.0, base), at + Vec2::new(4.0, base)];
    Shape::convex_polygon(points, color, Stroke::NONE)
}

/// Beside a group: to the right if it is closed, down if it is open.
fn pointer(at: egui::Pos2, open: bool, color: Color32) -> Shape {
    if open {
        return triangle(at, true, color);
    }
    let points = vec![at + Vec2::new(4.0, 0.0), at + Vec2::new(-3.0, -4.0), at + Vec2::new(-3.0, 4.0)];
    Shape::convex_polygon(points, color, Stroke::NONE)
}

/// A rate over the last looks: the highest of its bars is as high as the line.
fn bars(ui: &Ui, rect: Rect, values: &[u32]) {
    let most = values.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let width = (rect.width() / values.len().max(1) as f32).min(7.0);
    let color = ui.visuals().hyperlink_color;
    let bottom = rect.bottom() - 3.0;
    for (index, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        let height = ((rect.height() - 6.0) * (*value as f32 / most as f32)).max(1.0);
        let x = rect.left() + index as f32 * width;
        let bar = Rect::from_min_max(pos2(x, bottom - height), pos2(x + width - 1.0, bottom));
        ui.painter().rect_filled(bar, CornerRadius::ZERO, color);
    }
}
