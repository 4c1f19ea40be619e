//! `vectors/access`: who may do what with everything that there is.

use accredit_core::decide::access::{Rights, Subject, Verb};
use accredit_core::model::{Kind, Resource};
use serde::Deserialize;

use crate::stage::{Stage, overlaid};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    given: String,
    vector: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    #[serde(default, rename = "case")]
    _case: String,
    name: String,
    #[serde(default)]
    given: String,
    #[serde(default)]
    disabled: Vec<String>,
    #[serde(rename = "as")]
    who: Vec<String>,
    rights: String,
}

#[test]
fn rights_are_as_the_vectors_say() {
    crate::judge_all("access", |file: &File| &file.vector, |vector| &vector.name, judge);
}

fn judge(file: &File, vector: &Vector) -> Result<(), String> {
    let seen = seen(file, vector);
    if seen == vector.rights { Ok(()) } else { Err(format!("he has\n{seen}")) }
}

fn seen(file: &File, vector: &Vector) -> String {
    let mut stage = Stage::empty(1);
    stage.bring(&overlaid(&file.given, &vector.given));
    vector.disabled.iter().for_each(|named| stage.turn(named, false));
    let administrator = |name: &String| {
        let found = stage.world.find(Kind::Administrator, name);
        found.unwrap_or_else(|| panic!("no administrator `{name}`")).id
    };
    let rights = Rights::through(vector.who.iter().map(administrator), &stage.world);
    let mut text = String::new();
    for kind in Kind::ALL {
        let mut all: Vec<_> = stage.world.of_kind(kind);
        all.sort_by_key(|resource| resource.name.clone());
        all.iter().filter_map(|resource| line(&rights, resource)).for_each(|line| text.push_str(&line));
    }
    text
}

fn line(rights: &Rights, resource: &Resource) -> Option<String> {
    let verbs = [(Verb::Read, 'r'), (Verb::Write, 'w'), (Verb::Mint, 'm')];
    let may = |(verb, letter)| if rights.may(verb, &Subject::of(resource)).is_ok() { letter } else { '-' };
    let letters: String = verbs.into_iter().map(may).collect();
    (letters != "---").then(|| format!("{letters} {} {}\n", resource.kind().noun(), resource.name))
}
