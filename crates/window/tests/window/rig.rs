use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eframe::egui::accesskit::Role;
use eframe::egui::epaint::Shape;
use eframe::egui::{Color32, Event, Key, Modifiers, OutputCommand, PointerButton, Pos2, Rect, Ui, pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _, by};
use sockscope_core::{Command, Context, Pairs};
use sockscope_live::{Arrangement, Arranger, Look, Settings};
use sockscope_model::{Frame, Request, Socket, Tag};
use sockscope_window::{App, AppOptions, Effect, Privilege, Remembered};

use crate::machine::Machine;

pub(crate) const CONTROL: Modifiers = Modifiers { alt: false, ctrl: true, shift: false, mac_cmd: false, command: true };

/// The window, its arranger, and what the monitor saw last.
pub(crate) struct Desktop {
    pub(crate) app: App,
    arranger: Arranger,
    settings: Option<Arc<Settings>>,
    is_due: bool,
    pub(crate) arrangement: Option<Arc<Arrangement>>,
    look: Option<Look>,
    /// What the window wanted to have done, arranging aside.
    pub(crate) effects: Vec<Effect>,
    /// What was put on the clipboard.
    pub(crate) copied: Vec<String>,
}

impl Desktop {
    /// A frame, as the loop of the window has it: what came in meanwhile first.
    fn frame(&mut self, ui: &mut Ui) {
        self.arrange();
        self.app.ui(ui);
        self.follow();
        let commands = ui.ctx().output(|output| output.commands.clone());
        for command in commands {
            if let OutputCommand::CopyText(text) = command {
                self.copied.push(text);
            }
        }
        if self.is_due {
            ui.ctx().request_repaint();
        }
    }

    fn arrange(&mut self) {
        let (Some(look), Some(settings), true) = (&self.look, &self.settings, self.is_due) else { return };
        let arrangement = self.arranger.arrange(look, settings);
        self.is_due = false;
        self.arrangement = Some(Arc::clone(&arrangement));
        self.app.arranged(arrangement);
        self.follow();
    }

    fn follow(&mut self) {
        for effect in self.app.take_effects() {
            match effect {
                Effect::Arrange(settings) => {
                    self.settings = Some(settings);
                    self.is_due = self.look.is_some();
                }
                Effect::Discard(_) => {}
                effect => self.effects.push(effect),
            }
        }
    }
}

pub(crate) fn options() -> AppOptions {
    AppOptions {
        context: Context::default(),
        filter: String::new(),
        request: Request::default(),
        remembered: Remembered::default(),
        signals: &["TERM", "INT", "KILL"],
        notices: Vec::new(),
        privilege: Privilege::Full,
        folder: PathBuf::from("/home/alice"),
        replay: None,
    }
}

pub(crate) struct Rig {
    pub(crate) harness: Harness<'static, Desktop>,
}

/// A window of the usual size, and the usual machine seen once.
pub(crate) fn usual() -> (Rig, Machine) {
    let mut rig = Rig::new(options());
    let mut machine = Machine::usual();
    rig.see(machine.frame());
    (rig, machine)
}

impl Rig {
    pub(crate) fn new(options: AppOptions) -> Rig {
        Rig::sized(options, 1500.0, 900.0)
    }

    pub(crate) fn sized(options: AppOptions, width: f32, height: f32) -> Rig {
        let mut desktop = Desktop {
            app: App::new(options),
            arranger: Arranger::default(),
            settings: None,
            is_due: false,
            arrangement: None,
            look: None,
            effects: Vec::new(),
            copied: Vec::new(),
        };
        desktop.follow();
        // What the monitor is asked first is not what anybody did.
        desktop.effects.clear();
        // Fonts of the system are not there.
        let builder = Harness::builder().with_size([width, height]).with_max_steps(40).allow_missing_glyphs();
        Rig { harness: builder.build_ui_state(|ui, desktop: &mut Desktop| desktop.frame(ui), desktop) }
    }

    pub(crate) fn desktop(&self) -> &Desktop {
        self.harness.state()
    }

    pub(crate) fn app(&mut self) -> &mut App {
        &mut self.harness.state_mut().app
    }

    pub(crate) fn arrangement(&self) -> &Arrangement {
        self.desktop().arrangement.as_ref().unwrap()
    }

    pub(crate) fn run(&mut self) {
        self.harness.run();
    }

    /// The monitor has looked.
    pub(crate) fn see(&mut self, frame: Frame) {
        self.look(frame);
        self.run();
    }

    /// The monitor has looked; the next frame shows it.
    pub(crate) fn look(&mut self, frame: Frame) {
        let desktop = self.harness.state_mut();
        let before = desktop.look.as_ref().map(|look| Arc::clone(&look.frame));
        let pairs = before.as_ref().map_or_else(Pairs::default, |before| Pairs::new(&before.snapshot, &frame.snapshot));
        let number = desktop.look.as_ref().map_or(1, |look| look.number + 1);
        desktop.look = Some(Look {
            number,
            frame: Arc::new(frame),
            before,
            pairs: Arc::new(pairs),
            interval: Duration::from_secs(1),
            pass: Duration::from_millis(4),
        });
        desktop.is_due = true;
    }

    /// Every row that is drawn: where, and its text.
    pub(crate) fn places(&self) -> Vec<(Rect, String)> {
        let rows = self.harness.query_all(by().role(Role::Row));
        let mut rows: Vec<(Rect, String)> =
            rows.map(|row| (row.rect(), row.accesskit_node().label().unwrap_or_default())).collect();
        rows.sort_by(|(one, _), (other, _)| one.top().total_cmp(&other.top()));
        rows
    }

    pub(crate) fn rows(&self) -> Vec<String> {
        self.places().into_iter().map(|(_, text)| text).collect()
    }

    pub(crate) fn row(&self, part: &str) -> Rect {
        let places = self.places();
        let found = places.iter().find(|(_, text)| text.contains(part));
        found.unwrap_or_else(|| panic!("no {part:?} in {:#?}", self.rows())).0
    }

    /// The rows that are selected, for those who hear them, too.
    pub(crate) fn selected(&self) -> Vec<String> {
        let rows = self.harness.query_all(by().role(Role::Row));
        let is_on = |row: &egui_kittest::Node<'_>| {
            let node = row.accesskit_node();
            node.is_selected() == Some(true) || node.toggled() == Some(eframe::egui::accesskit::Toggled::True)
        };
        rows.filter(is_on).map(|row| row.accesskit_node().label().unwrap_or_default()).collect()
    }

    /// Where to press to mean a row, and no pointer of a group.
    pub(crate) fn at(&self, part: &str) -> Pos2 {
        let row = self.row(part);
        pos2(row.left() + 80.0, row.center().y)
    }

    /// The cell below a title.
    pub(crate) fn cell(&self, part: &str, title: &str) -> Pos2 {
        pos2(self.title(title).center().x, self.row(part).center().y)
    }

    /// The titles of columns, from left to right, as they are spoken.
    pub(crate) fn titles(&self) -> Vec<String> {
        self.headers().into_iter().map(|(_, title)| title).collect()
    }

    pub(crate) fn headers(&self) -> Vec<(Rect, String)> {
        let titles = self.harness.query_all(by().role(Role::ColumnHeader));
        let mut titles: Vec<(Rect, String)> =
            titles.map(|title| (title.rect(), title.accesskit_node().label().unwrap_or_default())).collect();
        titles.sort_by(|(one, _), (other, _)| one.left().total_cmp(&other.left()));
        titles
    }

    pub(crate) fn title(&self, name: &str) -> Rect {
        let headers = self.headers();
        let is_it = |title: &str| title == name || title.split(',').next() == Some(name);
        headers.iter().find(|(_, title)| is_it(title)).unwrap_or_else(|| panic!("no {name:?} in {headers:?}")).0
    }

    pub(crate) fn button(&mut self, at: Pos2, button: PointerButton, modifiers: Modifiers) {
        self.harness.event(Event::PointerMoved(at));
        self.harness.event(Event::ModifiersChanged(modifiers));
        for pressed in [true, false] {
            self.harness.event(Event::PointerButton { pos: at, button, pressed, modifiers });
        }
        self.harness.event(Event::ModifiersChanged(Modifiers::NONE));
        self.run();
    }

    pub(crate) fn click(&mut self, at: Pos2) {
        self.button(at, PointerButton::Primary, Modifiers::NONE);
    }

    pub(crate) fn double_click(&mut self, at: Pos2) {
        self.harness.event(Event::PointerMoved(at));
        self.run();
        for _ in 0..2 {
            for pressed in [true, false] {
                let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
                self.harness.input_mut().events.push(Event::PointerButton { pos: at, button, pressed, modifiers });
            }
            self.harness.step();
        }
        self.run();
    }

    pub(crate) fn press_down(&mut self, at: Pos2) {
        self.harness.event(Event::PointerMoved(at));
        self.harness.drag_at(at);
        self.run();
    }

    pub(crate) fn release(&mut self, at: Pos2) {
        self.harness.event(Event::PointerMoved(at));
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        self.harness.event(Event::PointerButton { pos: at, button, pressed: false, modifiers });
        self.run();
    }

    pub(crate) fn drag(&mut self, from: Pos2, to: Pos2) {
        self.press_down(from);
        self.harness.event(Event::PointerMoved(from + (to - from) / 2.0));
        self.run();
        self.release(to);
    }

    /// Opens the menu of a row.
    pub(crate) fn menu(&mut self, part: &str) {
        let at = self.at(part);
        self.button(at, PointerButton::Secondary, Modifiers::NONE);
    }

    /// Clicks on what has that label.
    pub(crate) fn choose(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.run();
    }

    /// Clicks on what has that role and that label.
    pub(crate) fn choose_by(&mut self, role: Role, label: &str) {
        self.harness.get_by_role_and_label(role, label).click();
        self.run();
    }

    /// Types another text into the box of a dialog.
    pub(crate) fn retype(&mut self, text: &str) {
        self.harness.get(by().role(Role::TextInput)).focus();
        self.run();
        self.key_with(CONTROL, Key::A);
        self.type_text(text);
    }

    /// Every text that holds that part.
    pub(crate) fn texts(&self, part: &str) -> Vec<String> {
        let labels = self.harness.query_all(by().role(Role::Label));
        let texts = labels.filter_map(|node| {
            let node = node.accesskit_node();
            node.value().or_else(|| node.label())
        });
        texts.filter(|text| text.contains(part)).collect()
    }

    /// Whether a character is in any text.
    pub(crate) fn says(&self, character: char) -> bool {
        let nodes = self.harness.root().children_recursive();
        let texts = nodes.flat_map(|node| {
            let node = node.accesskit_node();
            [node.label(), node.value(), node.description()]
        });
        texts.flatten().any(|text| text.contains(character))
    }

    pub(crate) fn is_shown(&self, text: &str) -> bool {
        let label = self.harness.query_all_by_label_contains(text).next().is_some();
        label || self.harness.query_all(by().value(text)).next().is_some()
    }

    pub(crate) fn key(&mut self, key: Key) {
        self.key_with(Modifiers::NONE, key);
    }

    pub(crate) fn key_with(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.run();
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            self.harness.event(Event::Text(character.to_string()));
        }
        self.run();
    }

    /// Types a filter, the keyboard being anywhere.
    pub(crate) fn filter(&mut self, text: &str) {
        self.key_with(CONTROL, Key::F);
        self.key_with(CONTROL, Key::A);
        self.type_text(text);
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.harness.state_mut().effects)
    }

    /// The cookies of what shall be closed, in order of all such wishes.
    pub(crate) fn closed(&self) -> Vec<u64> {
        let sockets = self.desktop().effects.iter().filter_map(|effect| match effect {
            Effect::Close(sockets) => Some(sockets),
            _ => None,
        });
        sockets.flatten().map(cookie).collect()
    }

    pub(crate) fn told(&self) -> Vec<&Command> {
        let told = self.desktop().effects.iter().filter_map(|effect| match effect {
            Effect::Tell(command) => Some(command),
            _ => None,
        });
        told.collect()
    }

    /// What was remembered last.
    pub(crate) fn remembered(&self) -> Remembered {
        let remembered = self.desktop().effects.iter().rev().find_map(|effect| match effect {
            Effect::Remember(remembered) => Some(remembered.clone()),
            _ => None,
        });
        remembered.unwrap()
    }

    pub(crate) fn copied(&self) -> &str {
        self.desktop().copied.last().unwrap()
    }

    /// Whether something of that colour is painted, somewhere in that place.
    pub(crate) fn is_painted(&self, place: Rect, colour: Color32) -> bool {
        self.harness.output().shapes.iter().any(|clipped| match &clipped.shape {
            Shape::Rect(rect) => rect.fill == colour && rect.rect.contains(place.center()),
            _ => false,
        })
    }
}

pub(crate) fn cookie(socket: &Socket) -> u64 {
    match socket.key.tag {
        Tag::Cookie(cookie) => cookie,
        _ => 0,
    }
}
