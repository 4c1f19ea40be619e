//! The name that somebody meant: the nearest one of those that are known.

/// The known name that is nearest to what was written, if one is near enough to be meant.
///
/// One that few edits lead to; else one that begins with the other (`repo` and `repository`), the shortest first. Nothing is
/// near to a name of one letter.
pub(crate) fn nearest<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // Whoever wrote it may be hostile, and the table grows with the product of the lengths.
    if written.len() < 2 || written.len() > LONGEST {
        return None;
    }
    let near = |name: &'k str| {
        if name == written || name.is_empty() || name.len() > LONGEST {
            return None;
        }
        if name.eq_ignore_ascii_case(written) {
            return Some((0, 0, name));
        }
        let begins = written.len() >= SHORTEST_BEGINNING
            && name.len() >= SHORTEST_BEGINNING
            && (name.starts_with(written) || written.starts_with(name));
        let edits = edits(written.as_bytes(), name.as_bytes());
        match edits <= 1 + written.len() / 5 {
            true => Some((1, edits, name)),
            false => begins.then_some((2, edits, name)),
        }
    };
    known.into_iter().filter_map(near).min().map(|(_, _, name)| name)
}

/// How many bytes must be put in, taken out or replaced, or neighbours exchanged, to make one of the other.
fn edits(one: &[u8], two: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=two.len()).collect();
    for (row, first) in one.iter().enumerate() {
        let mut line = vec![row + 1];
        for (column, second) in two.iter().enumerate() {
            let replaced = above[column] + usize::from(first != second);
            let mut least = replaced.min(above[column + 1] + 1).min(line[column] + 1);
            let exchanged = row > 0 && column > 0 && *first == two[column - 1] && one[row - 1] == *second;
            if exchanged {
                least = least.min(before[column - 1] + 1);
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or_default()
}

/// No name that is known is longer.
const LONGEST: usize = 128;
/// Two letters begin too much.
const SHORTEST_BEGINNING: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_found_and_nothing_else() {
        let claims = ["sub", "ref", "repository", "repository_id", "repository_owner", "job_workflow_ref", "sha"];
        for (written, meant) in [
            ("repo", Some("repository")),
            ("Ref", Some("ref")),
            ("repositroy", Some("repository")),
            ("repository-id", Some("repository_id")),
            ("project_path", None),
            ("r", None),
            ("", None),
            ("ref", None),
            ("jobworkflowref", Some("job_workflow_ref")),
        ] {
            assert_eq!(nearest(written, claims), meant, "{written}");
        }
        assert_eq!(nearest(&"a".repeat(100_000), claims), None);
    }
}
