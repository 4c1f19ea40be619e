//! Columns of text.

use accredit_client::inert::Inert;

/// Lays out rows under headings, two spaces between columns, each as wide as its widest cell.
///
/// A column that is empty in every row is left out; an empty cell of another is a dash.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut columns: Vec<Vec<String>> = Vec::new();
    for (place, heading) in headings.iter().enumerate() {
        let cells: Vec<String> =
            rows.iter().map(|row| row.get(place).map(|cell| Inert(cell).to_string()).unwrap_or_default()).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            columns.push(std::iter::once((*heading).to_owned()).chain(cells).collect());
        }
    }
    let widths: Vec<usize> =
        columns.iter().map(|cells| cells.iter().map(|cell| width(cell)).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for line in 0..=rows.len() {
        let mut text = String::new();
        for (cells, widest) in columns.iter().zip(&widths) {
            let cell = if cells[line].is_empty() { "-" } else { &cells[line] };
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', widest + 2 - width(cell)));
        }
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out
}

/// One column a character: exact for the Latin names that resources have.
fn width(text: &str) -> usize {
    text.chars().count().max(1)
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_line_up_and_empty_ones_vanish() {
        let rows = [
            vec!["ci/web".to_owned(), String::new(), "a\nb".to_owned()],
            vec!["shop/payments".to_owned(), String::new(), String::new()],
        ];
        assert_eq!(
            table(&["NAME", "STATE", "NOTE"], &rows),
            "NAME           NOTE\nci/web         a\\nb\nshop/payments  -\n"
        );
    }
}
