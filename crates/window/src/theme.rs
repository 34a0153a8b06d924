use eframe::egui::{Color32, Visuals};
use sockscope_live::Mark;
use sockscope_model::State;

/// Behind a line to which something happened: new green, changed yellow, closed red, as TCPView has it.
pub(crate) fn mark(mark: Mark, visuals: &Visuals) -> Color32 {
    match (mark, visuals.dark_mode) {
        (Mark::New, true) => Color32::from_rgb(20, 90, 35),
        (Mark::New, false) => Color32::from_rgb(180, 240, 185),
        (Mark::Changed, true) => Color32::from_rgb(105, 85, 10),
        (Mark::Changed, false) => Color32::from_rgb(255, 240, 150),
        (Mark::Gone, true) => Color32::from_rgb(115, 30, 30),
        (Mark::Gone, false) => Color32::from_rgb(255, 190, 185),
    }
}

/// Of a state's name.
pub(crate) fn state(state: State, visuals: &Visuals) -> Color32 {
    let dark = visuals.dark_mode;
    match state {
        State::Listen => {
            if dark {
                Color32::from_rgb(120, 170, 255)
            } else {
                Color32::from_rgb(20, 70, 190)
            }
        }
        State::Established => {
            if dark {
                Color32::from_rgb(120, 215, 140)
            } else {
                Color32::from_rgb(10, 110, 40)
            }
        }
        State::CloseWait | State::SynSent | State::SynReceived => {
            if dark {
                Color32::from_rgb(235, 180, 90)
            } else {
                Color32::from_rgb(150, 85, 0)
            }
        }
        _ => visuals.weak_text_color(),
    }
}
