//! Transcripts: what is typed, and what comes back, as a person would see it.
//!
//! ```text
//! # A comment. Blank lines separate steps.
//! file web.yaml
//!     kind: Project
//!     name: ci
//!
//! $ COLUMNS=80 accredit apply -f web.yaml --dry-run
//! < a line of stdin
//! > a line of stdout
//! ! a line of stderr
//! = 0
//! ```
//!
//! `> NAME` at the end of a typed line sends stdout into a file. Every line of output is written down; `= CODE` ends a step. In expected lines `[..]` stands for any text, `[ID]` for a
//! resource's id, `[DEC]` for a decision's, `[TIME]` for a time in RFC 3339, `[N]` for a number; `[DIR]` is the folder that
//! the commands run in, in typed lines too. Each transcript has a folder of its own and nothing of the environment but
//! what its stage gives.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

/// Where transcripts are played.
pub(crate) struct Stage {
    /// The binary that `accredit` means.
    pub(crate) binary: PathBuf,
    /// The folder that the commands run in.
    pub(crate) folder: PathBuf,
    /// Environment of every command, e.g. `ACCREDIT_ADMIN_SOCKET`.
    pub(crate) environment: Vec<(String, String)>,
}

/// One step of a transcript.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    File { name: String, text: String },
    Run(Run),
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Run {
    line: usize,
    typed: String,
    stdin: String,
    stdout: Vec<String>,
    stderr: Vec<String>,
    code: i32,
}

/// A typed line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Typed {
    variables: Vec<(String, String)>,
    words: Vec<String>,
    into: Option<String>,
}

// === impl Stage ===

impl Stage {
    /// Plays a transcript to its end.
    ///
    /// # Errors
    /// The first step that came out otherwise, with what it should have been, written so that it can be pasted.
    pub(crate) fn play(&self, transcript: &Path) -> Result<usize, String> {
        let name = transcript.display();
        let text = std::fs::read_to_string(transcript).map_err(|error| format!("{name}: {error}"))?;
        let steps = parse(&text).map_err(|fault| format!("{name}:{fault}"))?;
        let mut played = 0;
        for step in steps {
            match step {
                Step::File { name, text } => self.write(&name, &text)?,
                Step::Run(run) => {
                    self.run(&run).map_err(|difference| format!("{name}:{}: {difference}", run.line))?;
                    played += 1;
                }
            }
        }
        Ok(played)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join(name);
        let parent = path.parent().ok_or("a file without a folder")?;
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|error| format!("{name}: {error}"))
    }

    fn run(&self, run: &Run) -> Result<(), String> {
        let folder = self.folder.display().to_string();
        let Typed { variables, words, into } = words(&run.typed.replace("[DIR]", &folder))?;
        let [program, arguments @ ..] = words.as_slice() else { return Err("nothing is typed".to_owned()) };
        if program != "accredit" {
            return Err(format!("`{program}` is typed, expected `accredit`"));
        }
        let mut child = Command::new(&self.binary)
            .args(arguments)
            .env_clear()
            .envs(self.environment.iter().cloned())
            .envs(variables)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read closes the pipe; that is its right.
            let _ = stdin.write_all(run.stdin.as_bytes());
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let lines =
            |bytes: &[u8]| -> Vec<String> { String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect() };
        let mut stdout = lines(&output.stdout);
        let stderr = lines(&output.stderr);
        if let Some(name) = into {
            std::fs::write(self.folder.join(&name), &output.stdout).map_err(|error| format!("{name}: {error}"))?;
            stdout.clear();
        }
        let code = output.status.code().unwrap_or(-1);
        let same = code == run.code
            && fits(&run.stdout, &stdout, &folder)
            && fits(&run.stderr, &stderr, &folder)
            && ends_with_line_feed(&output.stdout)
            && ends_with_line_feed(&output.stderr);
        if same {
            return Ok(());
        }
        let mut seen = format!("it came out otherwise:\n$ {}\n", run.typed);
        for (sign, lines) in [('>', stdout), ('!', stderr)] {
            for line in lines {
                let _ = writeln!(seen, "{}", format!("{sign} {}", line.replace(&folder, "[DIR]")).trim_end());
            }
        }
        let _ = write!(seen, "= {code}");
        Err(seen)
    }
}

fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut open: Option<Run> = None;
    let mut lines = text.lines().enumerate().peekable();
    while let Some((place, line)) = lines.next() {
        let fault = |what: &str| Err(format!("{}: {what}", place + 1));
        let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (sign, &mut open) {
            ("", None) | ("#", _) => {}
            ("file", None) => {
                let mut file = String::new();
                while let Some((_, line)) = lines.next_if(|(_, line)| line.is_empty() || line.starts_with("    ")) {
                    file.push_str(line.strip_prefix("    ").unwrap_or(line));
                    file.push('\n');
                }
                steps.push(Step::File { name: rest.to_owned(), text: file.trim_end_matches('\n').to_owned() + "\n" });
            }
            ("$", None) => open = Some(Run { line: place + 1, typed: rest.to_owned(), ..Run::default() }),
            ("<", Some(run)) => run.stdin.push_str(&format!("{rest}\n")),
            (">", Some(run)) => run.stdout.push(rest.to_owned()),
            ("!", Some(run)) => run.stderr.push(rest.to_owned()),
            ("=", Some(run)) => {
                match rest.parse() {
                    Ok(code) => run.code = code,
                    Err(_) => return fault("the exit code is no number"),
                }
                steps.extend(open.take().map(Step::Run));
            }
            _ => return fault("this line is no part of a transcript"),
        }
    }
    match open {
        Some(run) => Err(format!("{}: this step has no exit code", run.line)),
        None => Ok(steps),
    }
}

/// Words as a shell would see them: separated by spaces, quotes keep spaces, `NAME=value` before the first one is
/// environment.
fn words(typed: &str) -> Result<Typed, String> {
    let mut words = vec![];
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for character in typed.chars() {
        match (character, quote) {
            ('\'' | '"', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (same, Some(open)) if same == open => quote = None,
            (' ', None) => words.extend(word.take()),
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    let is_variable = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let first = words.iter().position(|word| !is_variable(word)).unwrap_or(words.len());
    let mut rest = words.split_off(first);
    let into = match rest.as_slice() {
        [.., sign, name] if sign == ">" => Some(name.clone()),
        _ => None,
    };
    if into.is_some() {
        rest.truncate(rest.len() - 2);
    }
    let variables =
        words.iter().filter_map(|word| word.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(Typed { variables: variables.collect(), words: rest, into })
}

fn fits(expected: &[String], seen: &[String], folder: &str) -> bool {
    expected.len() == seen.len() && expected.iter().zip(seen).all(|(expected, seen)| line_fits(expected, seen, folder))
}

fn line_fits(expected: &str, seen: &str, folder: &str) -> bool {
    let mut pattern = regex::escape(&expected.replace("[DIR]", folder));
    for (placeholder, meaning) in PLACEHOLDERS {
        pattern = pattern.replace(&regex::escape(placeholder), meaning);
    }
    Regex::new(&format!("^(?:{pattern})$")).is_ok_and(|pattern| pattern.is_match(seen.trim_end()))
}

fn ends_with_line_feed(bytes: &[u8]) -> bool {
    bytes.last().is_none_or(|byte| *byte == b'\n')
}

const PLACEHOLDERS: &[(&str, &str)] = &[
    ("[..]", ".*"),
    ("[DEC]", "dec_[0-9a-f]{32}"),
    ("[ID]", "(?:proj|idp|sa|api|role|grant|map|adm)_[0-9a-hjkmnp-tv-z]{26}"),
    ("[N]", "[0-9]+"),
    ("[TIME]", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_parsed() {
        let steps = parse("# x\nfile a/b.yaml\n    kind: A\n\n      two\n\n$ accredit x\n< in\n> out\n>\n! err\n= 3\n");
        let file = Step::File { name: "a/b.yaml".to_owned(), text: "kind: A\n\n  two\n".to_owned() };
        let run = Run {
            line: 7,
            typed: "accredit x".to_owned(),
            stdin: "in\n".to_owned(),
            stdout: vec!["out".to_owned(), String::new()],
            stderr: vec!["err".to_owned()],
            code: 3,
        };
        assert_eq!(steps, Ok(vec![file, Step::Run(run)]));
        for wrong in ["$ accredit\n", "> out\n", "$ accredit\n= x\n", "what\n", "= 0\n"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn words_are_the_shells() {
        let typed = words("A=1 B= accredit -f 'a b' --x=\"c'd\" '' e").unwrap_or_default();
        assert_eq!(typed.variables, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), String::new())]);
        assert_eq!(typed.words, ["accredit", "-f", "a b", "--x=c'd", "", "e"]);
        assert_eq!(typed.into, None);
        let typed = words("accredit export > all.yaml").unwrap_or_default();
        assert_eq!((typed.words.len(), typed.into.as_deref()), (2, Some("all.yaml")));
        assert!(words("accredit 'x").is_err());
    }

    #[test]
    fn placeholders_are_narrow() {
        assert!(line_fits("at [TIME] [DEC] [N]", &format!("at 2026-11-21T10:05:43Z dec_{} 17", "0a".repeat(16)), "/x"));
        assert!(line_fits("[ID]", "map_0123456789abcdefghjkmnpqrs", "/x"));
        assert!(line_fits("[DIR]/a [..].", "/x.y/a anything.", "/x.y"));
        for (expected, seen) in
            [("a.c", "abc"), ("a", "ab"), ("[N]", "x"), ("[DEC]", "dec_00"), ("[ID]", "map_x"), ("[DIR]", "/xzy")]
        {
            assert!(!line_fits(expected, seen, "/x.y"), "{expected} {seen}");
        }
    }
}
