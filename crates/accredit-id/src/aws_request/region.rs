//! Regions of AWS and the partitions that they belong to: which host is a token service of AWS' own.

use std::fmt;
use std::str::FromStr;

/// A region's name, such as `eu-central-1`. New ones come up, so it is the form that is checked; a name that AWS does not
/// have leads to a host that AWS does not have, under AWS' own domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    name: String,
    partition: Partition,
}

/// A part of AWS with accounts and keys of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// China.
    China,
    /// The European Sovereign Cloud.
    Europe,
    /// The regions of the United States' government.
    GovCloud,
    /// One that is cut off, `aws-iso`; for servers inside it. So are the next three.
    Iso,
    /// `aws-iso-b`.
    IsoB,
    /// `aws-iso-e`.
    IsoE,
    /// `aws-iso-f`.
    IsoF,
}

/// A text that is no region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("text is no region of AWS, expected one such as eu-central-1")]
pub struct NoRegion;

// === impl Region ===

impl Region {
    /// The partition that it belongs to.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The host of its token service.
    pub fn sts_host(&self) -> String {
        self.host_of(Endpoint::PLAIN)
    }

    /// The endpoint of its token service that a host is, when it is one.
    pub(super) fn endpoint(&self, host: &str) -> Option<Endpoint> {
        Endpoint::ALL.into_iter().find(|endpoint| host == self.host_of(*endpoint))
    }

    /// As AWS' own rules for its SDKs have it. In GovCloud the plain endpoint is the validated one, and the other form leads nowhere.
    pub(super) fn host_of(&self, endpoint: Endpoint) -> String {
        let service = if endpoint.fips { "sts-fips" } else { "sts" };
        let suffixes = self.partition.suffixes();
        let suffix = if endpoint.dual_stack { suffixes.1 } else { suffixes.0 };
        format!("{service}.{}.{suffix}", self.name)
    }
}

/// One of a region's endpoints for the same service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With validated cryptography (FIPS 140).
    fips: bool,
    /// Over IPv6 as well.
    dual_stack: bool,
}

// === impl Endpoint ===

impl Endpoint {
    pub(super) const PLAIN: Self = Self { fips: false, dual_stack: false };

    const ALL: [Self; 4] = [
        Self::PLAIN,
        Self { fips: true, dual_stack: false },
        Self { fips: false, dual_stack: true },
        Self { fips: true, dual_stack: true },
    ];
}

/// `AREA[-PART]-DIRECTION-NUMBER`, lower case.
impl FromStr for Region {
    type Err = NoRegion;

    fn from_str(text: &str) -> Result<Self, NoRegion> {
        let mut parts = text.split('-');
        let is_word = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let area = parts.next().filter(|area| (2..=4).contains(&area.len()) && is_word(area)).ok_or(NoRegion)?;
        let number = parts.next_back().unwrap_or_default();
        let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        let words: Vec<&str> = parts.collect();
        if text.len() > 32 || !is_number || words.is_empty() || words.len() > 2 || !words.iter().all(|w| is_word(w)) {
            return Err(NoRegion);
        }
        let partition = match (area, words[0]) {
            (_, "iso") => Partition::Iso,
            (_, "isob") => Partition::IsoB,
            (_, "isoe") => Partition::IsoE,
            (_, "isof") => Partition::IsoF,
            ("cn", _) => Partition::China,
            ("eusc", _) => Partition::Europe,
            ("us", "gov") => Partition::GovCloud,
            _ => Partition::Aws,
        };
        Ok(Self { name: text.to_owned(), partition })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

// === impl Partition ===

impl Partition {
    /// Every partition.
    pub const ALL: [Partition; 8] = [
        Partition::Aws,
        Partition::China,
        Partition::Europe,
        Partition::GovCloud,
        Partition::Iso,
        Partition::IsoB,
        Partition::IsoE,
        Partition::IsoF,
    ];

    /// Its name, as ARNs have it.
    pub const fn name(self) -> &'static str {
        match self {
            Partition::Aws => "aws",
            Partition::China => "aws-cn",
            Partition::Europe => "aws-eusc",
            Partition::GovCloud => "aws-us-gov",
            Partition::Iso => "aws-iso",
            Partition::IsoB => "aws-iso-b",
            Partition::IsoE => "aws-iso-e",
            Partition::IsoF => "aws-iso-f",
        }
    }

    /// Finds a partition by its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|partition| partition.name() == name)
    }

    /// The domains under which its services lie: where they speak IPv4, and where IPv6 as well.
    const fn suffixes(self) -> (&'static str, &'static str) {
        match self {
            Partition::Aws | Partition::GovCloud => ("amazonaws.com", "api.aws"),
            Partition::China => ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
            Partition::Europe => ("amazonaws.eu", "api.amazonwebservices.eu"),
            Partition::Iso => ("c2s.ic.gov", "api.aws.ic.gov"),
            Partition::IsoB => ("sc2s.sgov.gov", "api.aws.scloud"),
            Partition::IsoE => ("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
            Partition::IsoF => ("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_region_leads_to_a_host_of_its_partition() {
        for (name, partition, host) in [
            ("us-east-1", "aws", "sts.us-east-1.amazonaws.com"),
            ("ap-southeast-2", "aws", "sts.ap-southeast-2.amazonaws.com"),
            ("us-gov-west-1", "aws-us-gov", "sts.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "aws-cn", "sts.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "aws-eusc", "sts.eusc-de-east-1.amazonaws.eu"),
            ("us-iso-east-1", "aws-iso", "sts.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-west-1", "aws-iso-b", "sts.us-isob-west-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", "aws-iso-e", "sts.eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", "aws-iso-f", "sts.us-isof-south-1.csp.hci.ic.gov"),
        ] {
            let region: Region = name.parse().unwrap();
            assert_eq!((region.partition().name(), region.sts_host().as_str()), (partition, host));
            assert_eq!(Partition::named(partition), Some(region.partition()));
        }
    }

    #[test]
    fn a_region_has_other_endpoints_and_no_others() {
        let region: Region = "us-east-2".parse().unwrap();
        for host in [
            "sts.us-east-2.amazonaws.com",
            "sts-fips.us-east-2.amazonaws.com",
            "sts.us-east-2.api.aws",
            "sts-fips.us-east-2.api.aws",
        ] {
            assert_eq!(region.endpoint(host).map(|endpoint| region.host_of(endpoint)).as_deref(), Some(host));
        }
        for host in [
            "sts.us-east-1.amazonaws.com",
            "sts-fips.amazonaws.com",
            "sts.us-east-2.amazonaws.com.cn",
            "sts-fips.us-east-2.amazonaws.com.example.org",
            "xsts.us-east-2.amazonaws.com",
            "STS.us-east-2.amazonaws.com",
            "sts.us-east-2.amazonaws.com.",
        ] {
            assert_eq!(region.endpoint(host), None, "{host}");
        }
    }

    /// A region's name becomes a part of a host: nothing that could end it or add to it may stand in it.
    #[test]
    fn what_could_lead_elsewhere_is_no_region() {
        for name in [
            "",
            "us",
            "us-east",
            "us-east-",
            "us-1",
            "us-east-x",
            "us-east-111",
            "US-east-1",
            "us-East-1",
            "us--1",
            "us-east-1.example.org",
            "us-east-1/",
            "us-east-1#",
            "us-east-1:80",
            "us-ea st-1",
            "us-e\u{e4}st-1",
            "verylong-east-1",
            "us-a-b-c-1",
            "-us-east-1",
            "us-eastaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1",
        ] {
            assert_eq!(name.parse::<Region>(), Err(NoRegion), "{name}");
        }
    }
}
