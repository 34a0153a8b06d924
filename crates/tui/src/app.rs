//! The state of the live table: what was typed and what is shown. It knows no terminal, no clock and no thread, so that tests
//! drive it as users do.

/// Questions before something is done.
mod ask;
/// The details of one socket.
mod details;
/// What keys do.
mod keys;
/// Lists to choose from: columns, orders.
mod menu;
/// What the mouse does.
mod mouse;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, KeyEvent, KeyEventKind};
use ratatui::layout::Rect;
use sockscope_core::{Command, Context, Filter, Identity, Needs};
use sockscope_model::{Frame, Notice, ProcessId, Request, Socket};

use crate::edit::Edit;
use crate::remember::Remembered;
use crate::theme::{Colours, Theme};
use sockscope_live::{Arrangement, GroupKey, History, Line, LineKey, Message, Settings, Shown, Sort, Subject, View};

pub(crate) use ask::{About, Question};
pub(crate) use details::Details;
pub(crate) use keys::KEYS;
pub(crate) use menu::{Menu, MenuKind};

/// How the table begins.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// What filters may refer to.
    pub context: Context,
    /// What options leave, in words and as a filter: it stays whatever is typed.
    pub fixed: (String, Filter),
    /// The filter that was typed on the command line.
    pub filter: (String, Filter),
    /// What the source is asked before anybody chooses columns or types filters.
    pub request: Request,
    /// What was shown last, or what the command line says.
    pub remembered: Remembered,
    /// How often to look.
    pub interval: Duration,
    /// How many colours the terminal has.
    pub colours: Colours,
    /// Whether IP databases are asked.
    pub places: bool,
    /// Whether name servers are.
    pub names: bool,
    /// Signals that processes can be sent, by name, the gentlest first; where there are none, processes are just ended.
    pub signals: &'static [&'static str],
    /// What to say besides the notices of what is seen.
    pub notices: Vec<Notice>,
}

/// What the table wants to have done.
#[derive(Debug)]
pub enum Effect {
    /// End.
    Quit,
    /// Give the terminal back, and stop until told to go on.
    Suspend,
    /// Draw everything anew: who knows what is on the screen.
    Repaint,
    /// Arrange by these settings.
    Arrange(Arc<Settings>),
    /// Tell the monitor.
    Tell(Command),
    /// Close these sockets, and no others.
    Close(Vec<Socket>),
    /// Send the process that signal.
    Kill(ProcessId, String, &'static str),
    /// Put text on the clipboard.
    Copy(String),
    /// Remember what is shown.
    Remember(Remembered),
    /// Free what is no longer shown, anywhere but where it would keep somebody waiting.
    Discard(Arc<Arrangement>),
}

/// What is in front of the table, or in its place.
#[derive(Debug)]
pub(crate) enum Mode {
    Table,
    Filter(FilterEdit),
    Help(usize),
    Notices(usize),
    Details(Box<Details>),
    Menu(Menu),
    Ask(Question),
}

/// A filter that is being typed.
#[derive(Debug)]
pub(crate) struct FilterEdit {
    pub(crate) edit: Edit,
    /// What is wrong with it; looked at from the first Enter on.
    pub(crate) error: Option<String>,
    /// Which of the earlier filters is shown, counted from the latest.
    earlier: Option<usize>,
}

/// Which line is selected. It follows what it stands for, not its position.
#[derive(Debug, Default, Clone)]
pub(crate) struct Cursor {
    pub(crate) position: usize,
    key: Option<LineKey>,
    /// Of a socket: at which look it was which line.
    seen: Option<(u64, Line)>,
    /// The first line on the screen.
    pub(crate) top: usize,
}

/// Where things were drawn last, for the mouse.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    pub(crate) views: Vec<(Rect, View)>,
    pub(crate) titles: Vec<(Rect, Shown)>,
    pub(crate) table: Rect,
    pub(crate) menu: Rect,
}

/// The live table.
#[derive(Debug)]
pub struct App {
    pub(crate) context: Context,
    pub(crate) fixed: (String, Arc<Filter>),
    pub(crate) filter: (String, Arc<Filter>),
    earlier_filters: Vec<String>,
    base_request: Request,
    asked: Request,
    pub(crate) remembered: Remembered,
    pub(crate) interval: Duration,
    pub(crate) paused: bool,
    pub(crate) theme: Theme,
    pub(crate) places: bool,
    names: bool,
    signals: &'static [&'static str],
    own_notices: Vec<Notice>,
    serial: u64,
    /// The group whose sockets are shown, and the view to go back to.
    pub(crate) within: Option<(View, GroupKey, String)>,
    pub(crate) arrangement: Option<Arc<Arrangement>>,
    /// Whether what is shown is of other settings than those that are asked for.
    waiting: bool,
    /// Keys that were typed meanwhile: they are meant for what will be shown.
    typed_ahead: VecDeque<KeyEvent>,
    cursors: [Cursor; View::ALL.len() + 1],
    pub(crate) mode: Mode,
    pub(crate) message: Option<Message>,
    /// Why the latest look failed.
    pub(crate) failure: Option<String>,
    /// How many columns are out of sight to the left.
    pub(crate) scrolled: usize,
    pub(crate) widths: crate::draw::Widths,
    pub(crate) regions: Regions,
    /// How many lines fit.
    pub(crate) page: usize,
    size: (u16, u16),
    pub(crate) history: History,
}

/// How many keys are kept that were typed ahead.
const TYPED_AHEAD: usize = 256;

/// Intervals that `+` and `-` go through.
const INTERVALS: [u64; 10] = [100, 200, 500, 1_000, 2_000, 3_000, 5_000, 10_000, 30_000, 60_000];

impl App {
    /// A table that has seen nothing yet, and what it wants first.
    pub fn new(options: AppOptions) -> (App, Vec<Effect>) {
        let AppOptions {
            context,
            fixed,
            filter,
            request,
            remembered,
            interval,
            colours,
            places,
            names,
            signals,
            notices,
        } = options;
        let mut app = App {
            context,
            fixed: (fixed.0, Arc::new(fixed.1)),
            filter: (filter.0, Arc::new(filter.1)),
            earlier_filters: Vec::new(),
            asked: request.clone(),
            base_request: request,
            remembered,
            interval,
            paused: false,
            theme: Theme::new(colours),
            places,
            names,
            signals,
            own_notices: notices,
            serial: 0,
            within: None,
            arrangement: None,
            waiting: true,
            typed_ahead: VecDeque::new(),
            cursors: Default::default(),
            mode: Mode::Table,
            message: None,
            failure: None,
            scrolled: 0,
            widths: crate::draw::Widths::default(),
            regions: Regions::default(),
            page: 1,
            size: (80, 24),
            history: History::default(),
        };
        let mut effects = vec![app.arrange()];
        app.ask_for_more(&mut effects);
        (app, effects)
    }

    /// Something happened at the terminal.
    pub fn event(&mut self, event: &Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.message = None;
                if self.waiting && self.arrangement.is_some() && matches!(self.mode, Mode::Table) {
                    if self.typed_ahead.len() < TYPED_AHEAD {
                        self.typed_ahead.push_back(*key);
                    }
                } else {
                    self.key(*key, &mut effects);
                }
            }
            Event::Mouse(mouse) => self.mouse(*mouse, &mut effects),
            Event::Paste(text) => self.paste(text),
            Event::Resize(width, height) => self.size = (*width, *height),
            _ => {}
        }
        effects
    }

    /// There are new lines.
    pub fn arranged(&mut self, arrangement: Arc<Arrangement>) -> Vec<Effect> {
        if self.arrangement.as_ref().is_none_or(|it| it.look.number != arrangement.look.number) {
            self.failure = None;
        }
        self.waiting = arrangement.settings.serial != self.serial;
        let same_lines = self.arrangement.as_ref().is_some_and(|it| it.settings.same_lines(&arrangement.settings));
        if !same_lines {
            self.widths = crate::draw::Widths::default();
        }
        let slot = cursor_slot(&arrangement.settings);
        let mut effects: Vec<Effect> = self.arrangement.replace(arrangement).map(Effect::Discard).into_iter().collect();
        self.follow(slot);
        self.note_history();
        self.follow_details();
        while !(self.waiting && matches!(self.mode, Mode::Table)) {
            let Some(key) = self.typed_ahead.pop_front() else { break };
            self.key(key, &mut effects);
        }
        effects
    }

    /// A look failed, or one that failed before works again.
    pub fn failed(&mut self, message: String) {
        self.failure = Some(message);
    }

    /// What became of something that was done.
    pub fn tell(&mut self, message: Message) {
        self.message = Some(message);
    }

    /// Whether keys go into text that is typed.
    pub fn is_typing(&self) -> bool {
        matches!(self.mode, Mode::Filter(_))
    }

    /// What is missing, and why: of what is seen, and of the program itself.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        let mut notices = self.own_notices.clone();
        if let Some(arrangement) = &self.arrangement {
            notices.extend(arrangement.look.frame.snapshot.notices.iter().cloned());
        }
        notices
    }

    /// Something to be seen among the notices.
    pub fn notice(&mut self, notice: Notice) {
        self.own_notices.push(notice);
    }

    pub(crate) fn notice_count(&self) -> usize {
        let seen = self.arrangement.as_ref().map_or(0, |it| it.look.frame.snapshot.notices.len());
        self.own_notices.len() + seen
    }

    /// The view that is asked for; the one that is shown may still be another.
    pub(crate) fn view(&self) -> View {
        if self.within.is_some() { View::Sockets } else { self.remembered.view }
    }

    pub(crate) fn sort(&self) -> Sort {
        self.remembered.of(self.view()).sort
    }

    /// The columns of a view, and whether somebody chose them.
    pub(crate) fn columns(&self, view: View) -> (Vec<Shown>, bool) {
        match &self.remembered.of(view).columns {
            Some(columns) => (columns.clone(), true),
            None => {
                let frame = self.arrangement.as_ref().map(|it| &*it.look.frame);
                (Shown::default_of(view, frame, self.places), false)
            }
        }
    }

    pub(crate) fn cursor(&self) -> &Cursor {
        let slot = self.arrangement.as_ref().map_or(0, |it| cursor_slot(&it.settings));
        let [first, ..] = &self.cursors;
        self.cursors.get(slot).unwrap_or(first)
    }

    pub(crate) fn cursor_mut(&mut self) -> &mut Cursor {
        let slot = self.arrangement.as_ref().map_or(0, |it| cursor_slot(&it.settings));
        self.cursor_at(slot)
    }

    fn cursor_at(&mut self, slot: usize) -> &mut Cursor {
        let slot = slot.min(self.cursors.len() - 1);
        let [first, rest @ ..] = &mut self.cursors;
        match slot.checked_sub(1).and_then(|slot| rest.get_mut(slot)) {
            Some(cursor) => cursor,
            None => first,
        }
    }

    fn lines(&self) -> usize {
        self.arrangement.as_ref().map_or(0, |it| it.lines.len())
    }

    /// Puts the cursor where its line is now.
    fn follow(&mut self, slot: usize) {
        let Some(arrangement) = self.arrangement.clone() else { return };
        let page = self.page;
        let cursor = self.cursor_at(slot);
        let old = cursor.position;
        if let Some(position) = cursor.key.as_ref().and_then(|key| arrangement.position(key, cursor.seen)) {
            // It stays at its height on the screen.
            cursor.top = (cursor.top + position).saturating_sub(old);
            cursor.position = position;
        }
        cursor.settle(arrangement.lines.len(), page);
        cursor.key = match (&cursor.key, arrangement.key(cursor.position)) {
            // What is at the top is nobody's choice.
            (None, _) if cursor.position == 0 => None,
            (_, key) => key,
        };
        cursor.seen = arrangement.line(cursor.position).map(|line| (arrangement.look.number, line));
    }

    /// Selects the line of that position.
    fn select(&mut self, position: usize) {
        let (lines, page) = (self.lines(), self.page);
        let arrangement = self.arrangement.clone();
        let cursor = self.cursor_mut();
        cursor.position = position;
        cursor.settle(lines, page);
        cursor.key = arrangement.as_ref().and_then(|it| it.key(cursor.position));
        cursor.seen = arrangement.and_then(|it| Some((it.look.number, it.line(cursor.position)?)));
        self.note_history();
    }

    fn note_history(&mut self) {
        let Some(arrangement) = &self.arrangement else { return };
        let look = &arrangement.look;
        let (row, identity) = match &self.mode {
            Mode::Details(details) => {
                let row = match arrangement.subject {
                    Subject::There(index) => look.frame.row(index as usize),
                    _ => None,
                };
                (row.filter(|row| Identity::of(row.socket) == details.held.identity), details.held.identity)
            }
            _ => match arrangement.row(self.cursor().position) {
                Some(row) => (Some(row), Identity::of(row.socket)),
                None => return,
            },
        };
        self.history.note(look.number, identity, row);
    }

    /// Asks for lines by the settings as they are now.
    fn arrange(&mut self) -> Effect {
        self.serial += 1;
        self.waiting = true;
        let subject = match &self.mode {
            Mode::Details(details) => Some(details.held.identity),
            _ => None,
        };
        Effect::Arrange(Arc::new(Settings {
            serial: self.serial,
            view: self.view(),
            within: self.within.as_ref().map(|(_, group, _)| group.clone()),
            filters: [Arc::clone(&self.fixed.1), Arc::clone(&self.filter.1)],
            sort: self.sort(),
            then: None,
            tree: None,
            map: false,
            ages: true,
            subject,
        }))
    }

    /// Has the source asked for what columns, filter and order need, if that is more or less than before.
    fn ask_for_more(&mut self, effects: &mut Vec<Effect>) {
        let view = self.view();
        let (columns, _) = self.columns(view);
        let mut needs = columns.into_iter().fold(Needs::default(), |needs, column| needs.or(column.needs()));
        needs = needs.or(self.filter.1.needs()).or(self.fixed.1.needs());
        if let Some(by) = self.sort().by {
            needs = needs.or(by.needs());
        }
        let details = matches!(self.mode, Mode::Details(_));
        let base = &self.base_request;
        let request = Request {
            process_details: base.process_details || needs.process_details || details,
            autobound: base.autobound || needs.autobound,
            cgroups: base.cgroups || needs.cgroups || details,
            ..base.clone()
        };
        if request != self.asked {
            self.asked = request.clone();
            effects.push(Effect::Tell(Command::Request(Box::new(request))));
        }
    }

    fn remember(&self) -> Effect {
        Effect::Remember(self.remembered.clone())
    }

    fn set_view(&mut self, view: View, effects: &mut Vec<Effect>) {
        self.within = None;
        self.remembered.view = view;
        self.scrolled = 0;
        effects.push(self.arrange());
        effects.push(self.remember());
        self.ask_for_more(effects);
    }

    fn set_sort(&mut self, sort: Sort, effects: &mut Vec<Effect>) {
        let view = self.view();
        self.remembered.of_mut(view).sort = sort;
        effects.push(self.arrange());
        effects.push(self.remember());
        self.ask_for_more(effects);
    }

    /// Sorts by a column: the other way round if it is sorted by that already.
    fn sort_by(&mut self, column: Shown, effects: &mut Vec<Effect>) {
        let sort = self.sort();
        let descending = if sort.by == Some(column) { !sort.descending } else { column.largest_first() };
        self.set_sort(Sort { by: Some(column), descending }, effects);
    }

    fn set_columns(&mut self, columns: Option<Vec<Shown>>, effects: &mut Vec<Effect>) {
        let view = self.view();
        self.remembered.of_mut(view).columns = columns;
        self.widths = crate::draw::Widths::default();
        self.scrolled = 0;
        effects.push(self.remember());
        self.ask_for_more(effects);
    }

    fn set_filter(&mut self, text: &str, filter: Filter, effects: &mut Vec<Effect>) {
        let text = text.trim();
        if !text.is_empty() {
            self.earlier_filters.retain(|earlier| earlier != text);
            self.earlier_filters.push(text.to_owned());
        }
        self.filter = (text.to_owned(), Arc::new(filter));
        effects.push(self.arrange());
        self.ask_for_more(effects);
    }

    fn parse_filter(&mut self, text: &str) -> Result<Filter, String> {
        let filter = Filter::parse(text, &self.context).map_err(|error| error.to_string())?;
        let needs = filter.needs();
        // What nobody looks up matches nothing, which looks like an answer and is none.
        if needs.places && !self.places {
            return Err("the filter asks for places, which --no-place leaves out".to_owned());
        }
        if needs.names && !self.names {
            return Err("the filter asks for names of peers, which only --resolve looks up".to_owned());
        }
        Ok(filter)
    }

    fn step_interval(&mut self, longer: bool, effects: &mut Vec<Effect>) {
        let now = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        let next = if longer {
            INTERVALS.into_iter().find(|step| *step > now)
        } else {
            INTERVALS.into_iter().rev().find(|step| *step < now)
        };
        if let Some(next) = next {
            self.interval = Duration::from_millis(next);
            effects.push(Effect::Tell(Command::Interval(self.interval)));
        }
    }

    fn set_paused(&mut self, paused: bool, effects: &mut Vec<Effect>) {
        self.paused = paused;
        effects.push(Effect::Tell(Command::Pause(paused)));
    }

    /// The sockets of a group instead of the groups.
    fn go_into(&mut self, group: GroupKey, label: String, effects: &mut Vec<Effect>) {
        self.within = Some((self.remembered.view, group, label));
        *self.cursor_at(View::ALL.len()) = Cursor::default();
        self.scrolled = 0;
        effects.push(self.arrange());
        self.ask_for_more(effects);
    }

    fn go_back(&mut self, effects: &mut Vec<Effect>) -> bool {
        let Some((view, ..)) = self.within.take() else { return false };
        self.remembered.view = view;
        self.scrolled = 0;
        effects.push(self.arrange());
        true
    }

    pub(crate) fn frame(&self) -> Option<&Arc<Frame>> {
        self.arrangement.as_ref().map(|it| &it.look.frame)
    }

    /// The place of the selected line among all of them, and how many there are.
    pub fn selection(&self) -> (usize, usize) {
        (self.cursor().position, self.lines())
    }
}

impl Cursor {
    /// Within the lines, and on the screen.
    pub(crate) fn settle(&mut self, lines: usize, page: usize) {
        let page = page.max(1);
        self.position = self.position.min(lines.saturating_sub(1));
        self.top = self.top.min(lines.saturating_sub(page)).min(self.position);
        if self.position >= self.top + page {
            self.top = self.position + 1 - page;
        }
    }
}

/// Each view has a cursor of its own, and so have the sockets of one group.
fn cursor_slot(settings: &Settings) -> usize {
    if settings.within.is_some() {
        return View::ALL.len();
    }
    View::ALL.iter().position(|view| *view == settings.view).unwrap_or(0)
}
