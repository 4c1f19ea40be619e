//! `accredit status`: how the server is.

use accredit_api::admin::{KeyTally, Status};
use accredit_client::inert::Inert;
use accredit_core::model::Kind;

use crate::cli::Common;
use crate::exit::{Exit, Failure};
use crate::render::{count, explanation::labelled};
use crate::terminal::Terminal;

/// Prints version, public URL, sequence and how many resources there are.
pub(crate) async fn run(common: &Common, terminal: &mut Terminal<'_>) -> Result<Exit, Failure> {
    let status = common.admin()?.status().await?;
    match common.output().structured(&status)? {
        Some(text) => terminal.show(&text)?,
        None => terminal.show(&rendered(&status))?,
    }
    Ok(Exit::Done)
}

fn rendered(status: &Status) -> String {
    let Status { version, public_url, sequence, resources, provider_keys, job_issuer_keys, troubles } = status;
    let number = |kind: &Kind| resources.get(kind.noun()).copied().filter(|number| *number > 0);
    let counts: Vec<String> = Kind::ALL.iter().filter_map(|kind| Some(count(number(kind)?, kind.noun()))).collect();
    let counts = if counts.is_empty() { "no resource yet".to_owned() } else { counts.join("  ") };
    let keys = |tally: &KeyTally, what: &str| match (tally.stale, tally.failing) {
        (0, 0) => String::new(),
        (stale, failing) => {
            labelled("keys", &format!("not fetched of {}, {failing} of them without any", count(stale + failing, what)))
        }
    };
    [
        labelled("server", &format!("{}   version {}", Inert(public_url), Inert(version))),
        labelled("store", &format!("sequence {sequence}   {counts}")),
        keys(provider_keys, "provider"),
        keys(job_issuer_keys, "job issuer"),
        troubles.iter().map(|trouble| labelled("trouble", &Inert(trouble).to_string())).collect(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_are_there_are_counted() {
        let mut status = Status {
            version: "0.1.0".to_owned(),
            public_url: "http://127.0.0.1:7070".to_owned(),
            sequence: 0,
            resources: [("mapping", 2), ("project", 1), ("role", 0)].map(|(kind, n)| (kind.to_owned(), n)).into(),
            provider_keys: KeyTally::default(),
            job_issuer_keys: KeyTally::default(),
            troubles: Vec::new(),
        };
        let server = "server   http://127.0.0.1:7070   version 0.1.0\n";
        assert_eq!(rendered(&status), format!("{server}store    sequence 0   1 project  2 mappings\n"));
        status.resources.clear();
        assert_eq!(rendered(&status), format!("{server}store    sequence 0   no resource yet\n"));
        status.provider_keys = KeyTally { stale: 1, failing: 2, ..KeyTally::default() };
        let keys = "keys     not fetched of 3 providers, 2 of them without any\n";
        assert_eq!(rendered(&status), format!("{server}store    sequence 0   no resource yet\n{keys}"));
        status.provider_keys = KeyTally::default();
        status.job_issuer_keys = KeyTally { failing: 1, ..KeyTally::default() };
        let keys = "keys     not fetched of 1 job issuer, 1 of them without any\n";
        assert_eq!(rendered(&status), format!("{server}store    sequence 0   no resource yet\n{keys}"));
    }
}
