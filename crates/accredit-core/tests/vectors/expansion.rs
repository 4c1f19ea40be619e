//! `<<1000*text>>` in a vector stands for a thousand times `text`; `{n}` in it is the number of the repetition, from 0.

/// Writes out every repetition in `text`.
pub(crate) fn expand(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, repetition)) = rest.split_once("<<") {
        let (repetition, after) = repetition.split_once(">>").unwrap_or_else(|| panic!("`<<` without `>>`"));
        let (count, unit) = repetition.split_once('*').unwrap_or_else(|| panic!("`<<` without `*`"));
        let count: usize = count.parse().unwrap();
        expanded.push_str(before);
        (0..count).for_each(|n| expanded.push_str(&unit.replace("{n}", &n.to_string())));
        rest = after;
    }
    expanded + rest
}

#[test]
fn repeats_and_counts() {
    assert_eq!(expand("a<<3*b{n}>>d<<2*{>>"), "ab0b1b2d{{");
    assert_eq!(expand("plain"), "plain");
}
