//! The table: for people on standard output, for machines in `bench-results/bench.json`.

use std::io::Write;

use serde::Serialize;

/// How a row is held against its bar.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum Bar {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
    /// Nothing is claimed.
    None,
}

/// A measured claim.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// The number.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it is compared with, and that number.
    pub(crate) floor: Option<(String, f64)>,
    /// What is held against the bar: the ratio to the floor, or the number itself.
    pub(crate) held: f64,
    /// The bar.
    pub(crate) bar: Bar,
}

impl Row {
    fn met(&self) -> &'static str {
        let met = match self.bar {
            Bar::AtMost(bar) => self.held <= bar,
            Bar::AtLeast(bar) => self.held >= bar,
            Bar::None => return "",
        };
        if met { "met" } else { "MISSED" }
    }
}

/// Every row.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// A number that is held against the bar itself.
    pub(crate) fn number(&mut self, what: &str, value: f64, unit: &'static str, bar: Bar) {
        self.add(Row {
            what: what.to_owned(),
            value,
            unit,
            floor: None,
            held: value,
            bar,
        });
    }

    /// A number whose ratio to a floor is held against the bar.
    pub(crate) fn ratio(
        &mut self,
        what: &str,
        value: f64,
        unit: &'static str,
        floor: (&str, f64),
        bar: Bar,
    ) {
        self.add(Row {
            what: what.to_owned(),
            value,
            unit,
            floor: Some((floor.0.to_owned(), floor.1)),
            held: value / floor.1,
            bar,
        });
    }

    /// Says at once what was measured: the whole run takes minutes.
    fn add(&mut self, row: Row) {
        let met = row.met();
        let _ = writeln!(
            std::io::stderr(),
            "{}: {:.1} {} {met}",
            row.what,
            row.value,
            row.unit
        );
        self.0.push(row);
    }

    /// Prints the table and writes the file.
    pub(crate) fn print(&self) -> anyhow::Result<()> {
        let mut output = std::io::stdout();
        writeln!(
            output,
            "| what | value | floor | held against the bar | bar | |"
        )?;
        writeln!(output, "|---|---|---|---|---|---|")?;
        for row in &self.0 {
            let floor = row.floor.as_ref();
            let floor =
                floor.map_or_else(String::new, |(name, value)| format!("{value:.1} ({name})"));
            let bar = match row.bar {
                Bar::AtMost(bar) => format!("<= {bar}"),
                Bar::AtLeast(bar) => format!(">= {bar}"),
                Bar::None => String::new(),
            };
            writeln!(
                output,
                "| {} | {:.1} {} | {floor} | {:.2} | {bar} | {} |",
                row.what,
                row.value,
                row.unit,
                row.held,
                row.met()
            )?;
        }
        std::fs::create_dir_all("bench-results")?;
        std::fs::write("bench-results/bench.json", serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Nanoseconds that `work` takes.
pub(crate) fn nanoseconds(work: impl FnOnce()) -> f64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "measuring time is what this program is for"
    )]
    let start = std::time::Instant::now();
    work();
    #[expect(
        clippy::disallowed_methods,
        reason = "measuring time is what this program is for"
    )]
    let elapsed = start.elapsed();
    elapsed.as_nanos() as f64
}

/// Seconds that `work` takes.
pub(crate) async fn seconds<T>(work: impl Future<Output = T>) -> (f64, T) {
    #[expect(
        clippy::disallowed_methods,
        reason = "measuring time is what this program is for"
    )]
    let start = std::time::Instant::now();
    let answer = work.await;
    #[expect(
        clippy::disallowed_methods,
        reason = "measuring time is what this program is for"
    )]
    let elapsed = start.elapsed();
    (elapsed.as_secs_f64(), answer)
}
