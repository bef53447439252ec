//! How results look: a table for people, JSON or YAML for programs, or ids and
//! secrets alone. Data goes to standard output, everything else to standard error.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Exit, Failure, Result};
use crate::value;

/// The form of the output. What is written on a value would make every help
/// text a long one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Yaml,
}

/// Where output goes to, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    pub(crate) quiet: bool,
}

/// What of a thing people see: each column is a name and a JSON pointer.
pub(crate) struct View {
    /// What `--quiet` prints: an id, or the secret that is shown this once.
    pub(crate) id: &'static str,
    pub(crate) columns: &'static [Column],
}

/// One column of a table.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    pointer: &'static str,
    show: Show,
    /// Whether a zero means that there is none.
    is_none_at_zero: bool,
}

/// How a column shows what it finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    /// As it is.
    Plain,
    /// One of some words, of which `INVALID` says nothing.
    Word,
    /// Cents, as dollars.
    Cents,
    /// Micro-cents, as dollars.
    Microcents,
}

/// A column that shows a value as it is.
pub(crate) const fn col(name: &'static str, pointer: &'static str) -> Column {
    Column { name, pointer, show: Show::Plain, is_none_at_zero: false }
}

/// A column that shows one of some words, of which `INVALID` says nothing.
pub(crate) const fn word(name: &'static str, pointer: &'static str) -> Column {
    Column { show: Show::Word, ..col(name, pointer) }
}

/// A column that shows cents as dollars.
pub(crate) const fn money(name: &'static str, pointer: &'static str) -> Column {
    Column { show: Show::Cents, ..col(name, pointer) }
}

/// A column that shows micro-cents as dollars.
pub(crate) const fn spend(name: &'static str, pointer: &'static str) -> Column {
    Column { show: Show::Microcents, ..col(name, pointer) }
}

/// The same column where a zero means that there is none.
pub(crate) const fn unless_zero(column: Column) -> Column {
    Column { is_none_at_zero: true, ..column }
}

impl Column {
    fn show(&self, thing: &Value) -> String {
        let value = thing.pointer(self.pointer).unwrap_or(&Value::Null);
        let says_nothing = (self.show == Show::Word && value == "INVALID") || (self.is_none_at_zero && is_zero(value));
        let value = if says_nothing { &Value::Null } else { value };
        let number = value.as_str().and_then(|text| text.parse().ok()).or(value.as_i64());
        match (self.show, number) {
            (Show::Cents, Some(cents)) => value::show_dollars(cents),
            (Show::Microcents, Some(microcents)) => value::show_microcents(microcents),
            _ => show(value),
        }
    }
}

fn is_zero(value: &Value) -> bool {
    value == "0" || value.as_f64() == Some(0.0)
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.replace(|c: char| c.is_control(), " "),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(show).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if fields.is_empty() => "-".to_owned(),
        Value::Object(_) => value.to_string(),
    }
}

impl Output {
    /// Prints a list.
    pub(crate) fn list<T: Serialize>(self, items: &[T], view: &View) -> Result<()> {
        let items: Vec<Value> = items.iter().map(to_json).collect::<Result<_>>()?;
        if self.quiet {
            return items.iter().try_for_each(|item| print(&col("", view.id).show(item)));
        }
        match self.format {
            Format::Table if items.is_empty() => {
                note("nothing found");
                Ok(())
            }
            Format::Table => print_table(&items, view),
            Format::Json | Format::Yaml => self.structured(&Value::Array(items)),
        }
    }

    /// Prints one thing.
    pub(crate) fn one<T: Serialize>(self, thing: &T, view: &View) -> Result<()> {
        let thing = to_json(thing)?;
        if self.quiet {
            return print(&col("", view.id).show(&thing));
        }
        if self.format != Format::Table {
            return self.structured(&thing);
        }
        let width = view.columns.iter().map(|c| c.name.len()).max().unwrap_or_default();
        view.columns.iter().try_for_each(|column| {
            let name = column.name.to_lowercase();
            print(&format!("{name:width$}  {}", column.show(&thing)))
        })
    }

    /// Prints one of things that keep coming: a line each.
    pub(crate) fn line<T: Serialize>(self, thing: &T, view: &View) -> Result<()> {
        let thing = to_json(thing)?;
        match self.format {
            _ if self.quiet => print(&col("", view.id).show(&thing)),
            Format::Table => print(&view.columns.iter().map(|c| c.show(&thing)).collect::<Vec<_>>().join("  ")),
            Format::Json => print(&thing.to_string()),
            Format::Yaml => print(&format!("---\n{}", yaml(&thing)?)),
        }
    }

    /// Reports what left nothing to show but its id.
    pub(crate) fn done(self, id: &str, text: &str) -> Result<()> {
        match self.format {
            _ if self.quiet => print(id),
            Format::Table => {
                note(text);
                Ok(())
            }
            Format::Json | Format::Yaml => self.structured(&json!({ "id": id })),
        }
    }

    fn structured(self, value: &Value) -> Result<()> {
        match self.format {
            Format::Yaml => print(&yaml(value)?),
            _ => print(&format!("{value:#}")),
        }
    }
}

fn to_json<T: Serialize>(thing: &T) -> Result<Value> {
    serde_json::to_value(thing).map_err(|e| Failure::other(format!("cannot show the answer: {e}")))
}

fn yaml(value: &Value) -> Result<String> {
    let text = serde_saphyr::to_string(value).map_err(|e| Failure::other(format!("cannot write YAML: {e}")))?;
    Ok(text.trim_end().to_owned())
}

fn print_table(items: &[Value], view: &View) -> Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(view.columns.iter().map(|c| c.name));
    for item in items {
        table.add_row(view.columns.iter().map(|c| c.show(item)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let bold = anstyle::Style::new().bold();
    table.lines().enumerate().try_for_each(|(i, line)| {
        let line = line.trim_end();
        // Plain output gets the escapes taken out again.
        print(&if i == 0 { format!("{bold}{line}{bold:#}") } else { line.to_owned() })
    })
}

/// Writes to standard output. Where nobody reads on, the command ends in silence; where it cannot be written, what was
/// to be shown may be a secret that is lost, and the command fails.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = anstream::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::new(Exit::Ok, "nobody reads the output"),
        _ => Failure::other(format!("cannot write: {error}")),
    })
}

/// Tells a person something that is no data.
pub(crate) fn note(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Whether a person is there to be asked.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_shows_what_people_can_read() {
        let thing = json!({ "a": { "b": "x" }, "cents": "4999", "none": null, "list": ["p", "q"], "yes": true });
        let shown = [col("", "/a/b"), money("", "/cents"), col("", "/none"), col("", "/list"), col("", "/yes")]
            .map(|column| column.show(&thing));
        assert_eq!(shown, ["x", "49.99", "-", "p, q", "yes"]);
        assert_eq!(money("", "/n").show(&json!({ "n": 1235 })), "12.35");
        let thing = json!({ "none": "INVALID", "some": "GONE" });
        let shown = [word("", "/none"), word("", "/some"), col("", "/none")].map(|column| column.show(&thing));
        assert_eq!(shown, ["-", "GONE", "INVALID"]);
        let thing = json!({ "text": "0", "number": 0.0, "some": "5000" });
        let columns =
            [unless_zero(money("", "/text")), unless_zero(col("", "/number")), unless_zero(money("", "/some"))];
        assert_eq!(columns.map(|column| column.show(&thing)), ["-", "-", "50.00"]);
        assert_eq!(money("", "/text").show(&thing), "0.00");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(show(&json!("a\u{1b}[31mb")), "a [31mb");
    }

    #[test]
    fn text_stays_text_in_yaml() {
        let thing = json!({ "amount": "5000", "flag": "yes", "none": "null", "lines": "a\nb: c", "list": [] });
        let text = yaml(&thing).unwrap();
        assert!(text.contains("amount: \"5000\""), "{text}");
        assert!(!text.contains("flag: yes\n") && !text.contains("none: null\n"), "{text}");
        assert!(text.contains("list: []"), "{text}");
    }
}
