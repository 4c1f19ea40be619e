//! `<<1000*text>>` in a vector stands for a thousand times `text`.

/// Writes out every repetition in `text`.
pub(crate) fn expand(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, repetition)) = rest.split_once("<<") {
        let (repetition, after) = repetition.split_once(">>").expect("`<<` without `>>`");
        let (count, unit) = repetition.split_once('*').expect("`<<` without `*`");
        let count: usize = count.parse().expect("count before `*`");
        expanded.push_str(before);
        expanded.push_str(&unit.repeat(count));
        rest = after;
    }
    expanded + rest
}

#[test]
fn repeats_what_is_between_the_marks() {
    assert_eq!(expand("a<<3*bc>>d<<2*{>>"), "abcbcbcd{{");
    assert_eq!(expand("plain"), "plain");
}
