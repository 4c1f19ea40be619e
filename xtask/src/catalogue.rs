//! The catalogue of hostile input: what must be refused, however it is put, and since when.
//!
//! A test or vector that covers a case names its id; `docs/reference/security-tests.md` is the table from case to test.
//! Ids are never reused.

/// One case.
pub(crate) struct Case {
    /// A letter for the section, two digits.
    pub(crate) id: &'static str,
    /// What holds, as a sentence.
    pub(crate) title: &'static str,
    pub(crate) due: Due,
}

/// Since when a case must have a test.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    /// Its subject does not exist yet: what it waits for.
    Waits(&'static str),
}

/// A run of cases about one subject.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) cases: &'static [Case],
}

/// Every section, in the order of its letter.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        title: "Compact form and header",
        cases: &[
            now("A01", "a token of any number of segments but three is malformed"),
            now("A02", "five segments (an encrypted token) are malformed at once, nothing is decrypted"),
            now("A03", "a JWS in JSON form, flattened or general, is malformed"),
            now("A04", "a JSON object whose text also has two dots is malformed"),
            now("A05", "stray bytes in a segment (white space, padding, other alphabet, NUL, BOM) are malformed"),
            now("A06", "base64url with unused bits set is refused, so one signature has one text"),
            now("A07", "a token over 16 KiB is refused by its length before anything is split"),
            now("A08", "JSON that is too deep, too wide or too long is refused by its caps"),
            now("A09", "a repeated member, also one repeated through escapes, is malformed"),
            now("A10", "text that is not UTF-8, and lone surrogates, are malformed"),
            now("A11", "a payload that is not an object is malformed"),
            now("A12", "`alg` absent, `none` in any spelling, or not a string is not allowed"),
            now("A13", "an HMAC `alg` keyed with anything public is not allowed"),
            now("A14", "an `alg` of another family than the key's is refused"),
            now("A15", "an `alg` that the provider does not list, or in lower case, is refused"),
            now("A16", "key material or key locations in the header are refused, never fetched"),
            now("A17", "`crit` in any form and `b64: false` are refused"),
            now("A18", "a hostile `kid` finds no key and reaches no path, query or log line"),
            now("A19", "`typ` of a token made for another protocol is refused"),
            now("A20", "a nested token (`cty: JWT`) is refused"),
            now("A21", "a detached payload is malformed"),
        ],
    },
    Section {
        title: "Signature and keys",
        cases: &[
            now("B01", "one flipped bit anywhere makes the signature bad"),
            now("B02", "ECDSA signatures of wrong shape, zero or out of range are bad"),
            now("B03", "RSA keys that are weak, oversized or forged for are refused"),
            now("B04", "EC keys off their curve or incomplete are dropped, the others kept"),
            now("B05", "an empty, borrowed or other provider's signature is bad"),
            now("B06", "a key for encryption, or of another algorithm, is not used"),
            now("B07", "private members refuse an upload, and drop a fetched key"),
            now("B08", "a symmetric key in a set is dropped"),
            now("B09", "two keys of one `kid` are told apart by algorithm, else the set is refused"),
            now("B10", "a token without `kid` is refused unless the provider allows it for a single key"),
            now("B11", "a key removed from its set stops working within the hard limit of the cache"),
            now("B12", "a key outside its own window of validity is not used"),
            now("B13", "an `x509-svid` key, or another trust domain's bundle, verifies no JWT-SVID"),
            now("B14", "one provider's keys never verify for another of the same issuer text"),
            now("B15", "no usable key and no answer from the issuer is a refusal, never a pass"),
        ],
    },
    Section {
        title: "Issuer",
        cases: &[
            now("C01", "an issuer with a slash more or less is another issuer"),
            now("C02", "spellings that a URL parser would unify are other issuers"),
            now("C03", "an issuer that contains, begins or ends with a known one is unknown"),
            now("C04", "`iss` that is absent, empty or not a string is refused (SPIFFE may omit it)"),
            now("C05", "an issuer without scheme counts only where a provider says so"),
            now("C06", "another tenant of a templated issuer, or the template itself, is refused"),
            now("C07", "a token of one provider, sent in the name of another, is refused"),
            now("C08", "a discovery document that names another issuer makes the provider unhealthy"),
            now("C09", "weak algorithms that discovery offers are ignored"),
            now("C10", "our own issuer is refused as a provider"),
            now("C11", "a look-alike claim from a customer's own server matches nothing of the public one"),
        ],
    },
    Section {
        title: "Time",
        cases: &[
            now("D01", "`exp` that is absent or no sane number is refused; a fraction is floored"),
            now("D02", "an expired token never mints; leeway serves `nbf` and `iat` alone, once"),
            now("D03", "`nbf` or `iat` ahead of the leeway is refused"),
            now("D04", "`iat` is required where a longest lifetime is set"),
            now("D05", "a lifetime over the provider's longest is refused"),
            now("D06", "an old token is refused where a greatest age is set"),
            now("D07", "times that contradict each other are refused"),
            now("D08", "a clock set back between verifying and minting does not lengthen the result"),
            now("D09", "the result lives as long as the shortest bound; a few last seconds are refused"),
            now("D10", "the result never outlives the subject token, to the second"),
        ],
    },
    Section {
        title: "Audience and subject",
        cases: &[
            now("E01", "an audience as a string or as a list of one is the same"),
            now("E02", "an audience beside ours is refused where a single one is asked for"),
            now("E03", "audience lists of wrong type, empty, repeated or huge are refused"),
            now("E04", "an audience that differs in case, slash, scheme or length is another"),
            now("E05", "the token endpoint's address is no audience unless listed"),
            now("E06", "a token made for somebody else is refused"),
            now("E07", "an access token for some API is no proof of identity"),
            now("E08", "`azp` and `client_id` never stand in for the audience"),
            now("E09", "a subject that is absent, of wrong type or disguised is refused or compared byte for byte"),
            now("E10", "malformed or foreign SPIFFE IDs are refused"),
            now("E11", "a token sent under the wrong token type is refused"),
        ],
    },
    Section {
        title: "Claim matching",
        cases: &[
            now("F01", "absent, null, empty and false are four things; a negation over nothing is false"),
            now("F02", "numbers and strings never meet; integers stay exact, fractions whole"),
            now("F03", "a boolean never equals its name"),
            now("F04", "a list matches only where the policy says any or all"),
            now("F05", "odd claim names are looked up exactly as written"),
            now("F06", "a raw claim named like a derived attribute does not become one"),
            now("F07", "case counts, and folding, where a kind has it, is ASCII alone"),
            now("F08", "a trailing wildcard stays behind its prefix; loose wildcards are refused on write"),
            now("F09", "a wildcard in the middle is refused; one for a segment stays inside it"),
            now("F10", "patterns match whole texts in linear time, or are not offered"),
            now("F11", "delimiters inside branch, tag and environment names fool no mapping"),
            now("F12", "GitHub events, forks, reusable workflows and runners can be told apart"),
            now("F13", "GitHub's immutable subject meets a classic mapping as a named mismatch"),
            now("F14", "a repository registered anew under an old name is refused by its id"),
            now("F15", "a GitLab path taken over, or a nested group, is not the original"),
            now("F16", "a Kubernetes account of another cluster, or recreated, is not the original"),
            now("F17", "kinds whose tenancy is in the audience alone need the tenant in the mapping"),
            now("F18", "an e-mail counts only when verified by a boolean"),
            now("F19", "Entra identities count only inside their tenant"),
            now("F20", "AWS roles match by exact ARN and unique id"),
            now("F21", "two mappings that match are refused, whatever their order"),
            now("F22", "what is disabled or deleted between reading and minting refuses"),
            now("F23", "a mapping that names another project's provider is refused on write and at run"),
        ],
    },
    Section {
        title: "CEL",
        cases: &[
            now("G01", "an error, or a result that is no boolean, never matches"),
            now("G02", "an `or` that hides an error is a finding"),
            now("G03", "expressions made to burn time or memory are refused or run out of fuel"),
            now("G04", "types, absence and conversions behave as the specification's cases say"),
            now("G05", "evaluation sees no clock, chance, network or environment"),
            now("G06", "an attribute too long is an error with its name and length, never cut"),
        ],
    },
    Section {
        title: "The token request",
        cases: &[
            now("H01", "a parameter given twice is refused; `audience` and `resource` may repeat"),
            now("H02", "parameters elsewhere, other media types, mixtures and bombs are refused within caps"),
            now("H03", "two ways to authenticate the client at once are refused"),
            now("H04", "half an actor, or one that may not act, is refused"),
            now("H05", "foreign delegation chains are not taken over, long or cyclic ones refused"),
            now("H06", "token types that we do not issue are refused"),
            now("H07", "scope never grows: too much is refused or narrowed and said"),
            now("H08", "targets that are unknown, malformed or too many are refused"),
            now("H09", "a sender-constrained token without its proof is refused"),
            now("H10", "exchanging our own token never widens or lengthens it"),
            now("H11", "errors never echo the token, its claims or unsafe characters"),
            now("H12", "no answer is cached, no other origin or method is served"),
            now("H13", "an unverified caller cannot tell what exists"),
            now("H14", "ambiguous framing and forged forwarding headers change nothing"),
        ],
    },
    Section {
        title: "Replay and sender constraints",
        cases: &[
            now("I01", "a once-only token wins once among many parallel uses"),
            now("I02", "a once-only token needs a `jti`"),
            now("I03", "one `jti` from two providers is two tokens"),
            now("I04", "replay marks outlive expiry, crashes and fail-over"),
            now("I05", "a failed match spends no token, but counts"),
            now("I06", "a token that its platform caches may come again, at a bounded rate"),
            now("I07", "a flood of ids does not fill the store"),
            now("I08", "a wrong DPoP proof is refused with the right error"),
            now("I09", "a certificate-bound token without its certificate is refused"),
            now("I10", "a bound token is never answered as a bearer one"),
        ],
    },
    Section {
        title: "Discovery, key sets, fetching",
        cases: &[
            now("J01", "unknown key ids cause at most one fetch in a while"),
            now("J02", "a bad signature under a known key causes no fetch"),
            now("J03", "a slow or failing issuer delays nobody whose keys are cached"),
            now("J04", "a broken key set leaves the good old one in place"),
            now("J05", "redirects off the host, the scheme or the network are refused"),
            now("J06", "addresses that are not public are refused unless the server lists them"),
            now("J07", "the address that was checked is the one that is dialled"),
            now("J08", "keys at another place than the issuer's must be public https"),
            now("J09", "odd issuer addresses are refused on write"),
            now("J10", "an unregistered issuer is never dialled"),
            now("J11", "cache times of an issuer are clamped"),
            now("J12", "proxies and private authorities work, verification cannot be switched off"),
            now("J13", "a changed provider address drops its keys and pins and is recorded"),
            now("J14", "many providers are not all fetched at the start"),
            now("J15", "one source of bad signatures cannot starve the others"),
        ],
    },
    Section {
        title: "The minted token and its record",
        cases: &[
            now("K01", "a minted token has every claim of its profile, with an audience"),
            now("K02", "foreign claims are copied by list alone, reserved ones never"),
            now("K03", "delimiters in mapped values cannot forge another subject"),
            now("K04", "a key is published before it signs and kept while its tokens live"),
            now("K05", "what is revoked stops everywhere within the stated time"),
            now("K06", "introspection and revocation tell strangers nothing"),
            now("K07", "without a durable record nothing is minted"),
            now("K08", "the record explains, holds no token, and shows tampering"),
            now("K09", "a restore or an import does not revive what was spent or revoked"),
            now("K10", "writing providers and writing mappings are different rights"),
        ],
    },
    Section {
        title: "Tenancy, substitution, nodes, restore",
        cases: &[
            now("L01", "one project cannot take another's audience or permissions"),
            now("L02", "several possible audiences ask for a choice; reserved ones are never given"),
            now("L03", "each class of token is accepted by its own endpoint alone"),
            now("L04", "keys of a vendor's issuer are uploaded by the server's owner alone"),
            now("L05", "overlapping mappings are ambiguous unless one is named, which then decides alone"),
            now("L06", "disabling a mapping shows what another would newly allow"),
            now("L07", "one issuer and audience belong to one provider where callers name none"),
            now("L08", "an audience that attests jobs exchanges nothing, and the reverse"),
            waits("L09", "an agent renews by its own key until it is evicted", "agents"),
            waits("L10", "what a node asserts is bounded by what the cluster can confirm", "agents"),
            waits("L11", "a process that changes what it is loses its stream", "the Workload API"),
            waits("L12", "a cached identity is handed to its own job alone", "the Workload API"),
            now("L13", "a replica that hears no news stops exchanging"),
            now("L14", "rotation waits for nobody past its deadline"),
            now("L15", "a bundle that goes backwards or claims our name is refused"),
            now("L16", "what was spent stays spent through backup and restore"),
            now("L17", "a clock behind the stored mark mints nothing"),
            now("L18", "swapped keys, edited rows and a cut record are detected and named"),
            now("L19", "the admin socket serves its own user alone"),
            now("L20", "a project cannot point a provider into the private network"),
            now("L21", "a flood in one source's name leaves honest callers served"),
            now("L22", "a secret claim appears in no database, log, trace, metric or error"),
            now("L23", "typed-in facts never mint, and explanations keep to what the reader may see"),
            now("L24", "another host name is misdirected, and hostile text is inert where shown"),
            waits("L25", "forward authentication believes only the proxy and the right API", "forward authentication"),
            waits("L26", "a recycled mailbox is another person", "developer identities"),
            now("L27", "managed configuration without a tenant pin is refused with its fix"),
        ],
    },
];

/// Every case, in the order of ids.
pub(crate) fn cases() -> impl Iterator<Item = &'static Case> {
    SECTIONS.iter().flat_map(|section| section.cases)
}

/// The case of that id.
pub(crate) fn case(id: &str) -> Option<&'static Case> {
    cases().find(|case| case.id == id)
}

const fn now(id: &'static str, title: &'static str) -> Case {
    Case { id, title, due: Due::Now }
}

const fn waits(id: &'static str, title: &'static str, subject: &'static str) -> Case {
    Case { id, title, due: Due::Waits(subject) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_run_without_a_gap_and_titles_are_there() {
        for (letter, section) in ('A'..='L').zip(SECTIONS) {
            for (number, case) in (1..).zip(section.cases) {
                assert_eq!(case.id, format!("{letter}{number:02}"));
                assert!(!case.title.is_empty() && !case.title.ends_with('.'), "{}", case.id);
            }
        }
        assert_eq!((SECTIONS.len(), cases().count()), (12, 173));
    }
}
