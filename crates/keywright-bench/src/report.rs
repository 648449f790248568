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
    /// What is held against the bar: the ratio to the floor if there is one, else the number.
    pub(crate) held: f64,
    /// The bar.
    pub(crate) bar: Bar,
    /// Whether it is met.
    pub(crate) met: Option<bool>,
}

impl Bar {
    /// Whether the number is within; `None` when nothing is claimed.
    fn met(self, held: f64) -> Option<bool> {
        match self {
            Self::AtMost(bar) => Some(held <= bar),
            Self::AtLeast(bar) => Some(held >= bar),
            Self::None => None,
        }
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        match self.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        }
    }
}

/// Every row, and where it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Table {
    processor: String,
    cores: usize,
    keys: u64,
    /// The load average of the last minute, before and after: a busy machine explains slow rows.
    load_before: String,
    load_after: String,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table.
    pub(crate) fn begin(keys: u64) -> anyhow::Result<Self> {
        let processors = std::fs::read_to_string("/proc/cpuinfo")?;
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        Ok(Self {
            processor: model.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            keys,
            load_before: load()?,
            load_after: String::new(),
            rows: Vec::new(),
        })
    }

    /// A number that is held against the bar itself.
    pub(crate) fn number(&mut self, what: &str, value: f64, unit: &'static str, bar: Bar) {
        self.add(Row {
            what: what.to_owned(),
            value,
            unit,
            floor: None,
            held: value,
            bar,
            met: bar.met(value),
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
            met: bar.met(value / floor.1),
        });
    }

    /// Says at once what was measured: the whole run takes minutes.
    fn add(&mut self, row: Row) {
        let _ = writeln!(std::io::stderr(), "{}", line(&row));
        self.rows.push(row);
    }

    /// Prints the table, writes the file, and says whether every bar is met.
    pub(crate) fn print(mut self) -> anyhow::Result<bool> {
        self.load_after = load()?;
        let mut output = std::io::stdout();
        writeln!(output, "| what | value | floor | ratio | bar | |")?;
        writeln!(output, "|---|---|---|---|---|---|")?;
        for row in &self.rows {
            writeln!(output, "{}", line(row))?;
        }
        writeln!(
            output,
            "\n{} cores of {}; load average {} before, {} after",
            self.cores, self.processor, self.load_before, self.load_after
        )?;
        std::fs::create_dir_all("bench-results")?;
        std::fs::write(
            "bench-results/bench.json",
            serde_json::to_vec_pretty(&self)?,
        )?;
        Ok(self.rows.iter().all(|row| row.met != Some(false)))
    }
}

fn line(row: &Row) -> String {
    let (floor, ratio) = match &row.floor {
        Some((name, value)) => (format!("{value:.1} ({name})"), format!("{:.2}", row.held)),
        None => (String::new(), String::new()),
    };
    let bar = match row.bar {
        Bar::AtMost(bar) => format!("<= {bar}"),
        Bar::AtLeast(bar) => format!(">= {bar}"),
        Bar::None => String::new(),
    };
    let (what, value, unit, verdict) = (&row.what, row.value, row.unit, row.verdict());
    format!("| {what} | {value:.1} {unit} | {floor} | {ratio} | {bar} | {verdict} |")
}

/// The load average of the last minute.
fn load() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
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
