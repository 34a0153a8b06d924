//! The table as people see it.

mod common;

use common::{named, placed, printed, varied};
use proptest::prelude::*;
use sockscope_model::Frame;
use sockscope_output::{Column, TableOptions, table};

fn drawn(frame: &Frame, options: &TableOptions) -> String {
    printed(frame, |out, listing| table(out, listing, options).unwrap())
}

fn at(frame: &Frame, width: Option<usize>) -> String {
    drawn(frame, &TableOptions { width, ..TableOptions::default() })
}

#[test]
fn show() {
    for width in [Some(60), Some(80), Some(100), Some(120), Some(160), Some(200), None] {
        println!("--- {width:?}\n{}", at(&varied(), width));
    }
    println!("{}", at(&placed(), Some(120)));
    println!(
        "{}",
        drawn(&placed(), &TableOptions { width: Some(160), extra: Column::traffic(), ..TableOptions::default() })
    );
    println!(
        "{}",
        drawn(&placed(), &TableOptions { width: Some(160), extra: Column::extended(), ..TableOptions::default() })
    );
    println!(
        "{}",
        drawn(
            &placed(),
            &TableOptions {
                width: Some(100),
                columns: Some(Column::parse_list("pid,name,path,command,fds,local,age,opened").unwrap()),
                ..TableOptions::default()
            }
        )
    );
    println!("{}", drawn(&placed(), &TableOptions { width: Some(100), colour: true, ..TableOptions::default() }));
}
