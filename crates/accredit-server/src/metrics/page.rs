//! The page in Prometheus' text format (version 0.0.4).

use std::fmt::Write as _;

use super::histogram::Histogram;
use super::list::{Described, Scrape, Shape, every};

/// Writes the whole page.
pub(super) fn page(scrape: &Scrape<'_>) -> String {
    let mut text = String::with_capacity(16 * 1024);
    for described in every() {
        let Described { name, shape, labels, help, read } = described;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", shape.name());
        read(scrape, &mut Samples { text: &mut text, name, shape: *shape, labels });
    }
    text
}

/// Where the values of one metric are put.
pub(super) struct Samples<'p> {
    text: &'p mut String,
    name: &'static str,
    shape: Shape,
    labels: &'static [&'static str],
}

// === impl Samples ===

impl Samples<'_> {
    /// A value without labels.
    pub(super) fn one(&mut self, value: impl Into<f64>) {
        self.with(&[], value);
    }

    /// A value with its labels, in the order in which they are described.
    pub(super) fn with(&mut self, labels: &[&str], value: impl Into<f64>) {
        self.line("", labels, None, value.into());
    }

    /// A histogram, each of its values so many units of the page's.
    pub(super) fn histogram(&mut self, labels: &[&str], histogram: &Histogram, unit: f64) {
        debug_assert_eq!(self.shape, Shape::Histogram);
        let mut all = 0;
        for (bound, count) in histogram.cumulative() {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| (bound as f64 / unit).to_string());
            self.line("_bucket", labels, Some(&bound), count as f64);
            all = count;
        }
        self.line("_sum", labels, None, histogram.sum() as f64 / unit);
        self.line("_count", labels, None, all as f64);
    }

    fn line(&mut self, suffix: &str, labels: &[&str], bound: Option<&str>, value: f64) {
        debug_assert_eq!(labels.len(), self.labels.len(), "{}", self.name);
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let labels = self.labels.iter().copied().zip(labels.iter().copied()).chain(bound.map(|bound| ("le", bound)));
        // To Prometheus a label without a value is one that is not there.
        let labels = labels.filter(|(_, value)| !value.is_empty());
        for (place, (name, value)) in labels.enumerate() {
            let _ = write!(self.text, "{}{name}=\"", if place == 0 { '{' } else { ',' });
            push_escaped(self.text, value);
            self.text.push('"');
        }
        if self.text.ends_with('"') {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

fn push_escaped(text: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            _ => text.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_prometheus_reads_them() {
        let mut text = String::new();
        let labels = &["provider", "reason"];
        let mut samples = Samples { text: &mut text, name: "x_total", shape: Shape::Counter, labels };
        samples.with(&["ci", "-"], 3_u32);
        samples.with(&["a\"b\\c\nd", ""], 1.5);
        let histogram = Histogram::new(&[500_000, 1_000_000]);
        [1, 700_000, 9_000_000].iter().for_each(|value| histogram.observe(*value));
        let mut samples = Samples { text: &mut text, name: "y_seconds", shape: Shape::Histogram, labels: &["of"] };
        samples.histogram(&["all"], &histogram, 1e9);
        Samples { text: &mut text, name: "z", shape: Shape::Gauge, labels: &[] }.one(0_u32);
        let expected = "x_total{provider=\"ci\",reason=\"-\"} 3\n\
            x_total{provider=\"a\\\"b\\\\c\\nd\"} 1.5\n\
            y_seconds_bucket{of=\"all\",le=\"0.0005\"} 1\n\
            y_seconds_bucket{of=\"all\",le=\"0.001\"} 2\n\
            y_seconds_bucket{of=\"all\",le=\"+Inf\"} 3\n\
            y_seconds_sum{of=\"all\"} 0.009700001\n\
            y_seconds_count{of=\"all\"} 3\n\
            z 0\n";
        assert_eq!(text, expected);
    }
}
