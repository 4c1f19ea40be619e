//! Proofs of possession at several servers on one PostgreSQL: a client that is sent to and fro between them gets through, and a
//! proof counts once at all of them together.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

use accredit_client::exchange::{Request, TokenEndpoint};
use accredit_e2e::admin::key;
use accredit_e2e::balancer::Balancer;
use accredit_e2e::claims::{random, said, token};
use accredit_e2e::command::{Ran, accredit, run};
use accredit_e2e::http::{Answer, Connection};
use accredit_e2e::issuer::{Issuer, now};
use accredit_e2e::patience::{eventually, within_a_second};
use accredit_e2e::server::{Home, Server};
use accredit_e2e::wire::{State, Wire};
use accredit_e2e::{resources, several};
use accredit_id::jose::dpop::{ProofKey, ToProve};
use accredit_id::time::Timestamp;
use accredit_test_postgres::shared;
use serde_json::json;

/// Two servers that share a database and two URLs, behind a load balancer for each.
struct Stand {
    homes: Vec<Home>,
    issuer: Issuer,
    servers: Vec<Server>,
    public: Balancer,
    admin: Balancer,
    key: ProofKey,
}

/// Where a server listens for administrators.
fn administration(server: &Server) -> SocketAddr {
    let log = server.log();
    let said = log.lines().rfind(|line| line.contains("administrators elsewhere are served")).unwrap();
    said.split_once("address=").unwrap().1.split(' ').next().unwrap().parse().unwrap()
}

fn resources(issuer: &Issuer) -> String {
    let usual = resources::usual(issuer).replacen("  keys:", "  login: {workloads: true}\n  keys:", 1);
    format!(
        "{usual}---\nkind: Administrator\nname: robots\nspec:\n  provider: github\n  \
         match: {{repository_id: \"123\", repository_owner_id: \"98\", ref: refs/heads/main}}\n  role: operator\n"
    )
}

// === impl Stand ===

impl Stand {
    /// With these addresses of one database, and further lines of the configuration.
    fn at(stores: &[String], limits: &str) -> Self {
        let (public, admin) = (Balancer::new(), Balancer::new());
        let homes: Vec<Home> = stores.iter().map(|store| several::home(store)).collect();
        for home in &homes {
            home.configure("http://accredit.test", &public.url());
            let remote = format!("listen = \"127.0.0.1:0\"\nurl = \"{}\"\n\n{limits}[store]", admin.url());
            home.configure("[store]", &remote);
        }
        let servers: Vec<Server> = homes.iter().map(Home::start).collect();
        let stand = Self { homes, issuer: Issuer::new("https://ci.test"), servers, public, admin, key: key() };
        stand.servers[0].apply(&resources(&stand.issuer));
        for server in &stand.servers {
            within_a_second("the first resources", || server.exchange(&stand.subject(), &[]).status == 200);
        }
        stand.lead();
        stand
    }

    fn new() -> Option<Self> {
        let store = shared()?.database();
        Some(Self::at(&[store.clone(), store], ""))
    }

    /// Lets the balancers know where the servers are.
    fn lead(&self) {
        self.public.lead_to(self.servers.iter().map(|server| server.address).collect());
        self.admin.lead_to(self.servers.iter().map(administration).collect());
    }

    fn restart(&mut self, place: usize) {
        self.servers.remove(place).kill();
        self.servers.insert(place, self.homes[place].start());
        self.lead();
    }

    fn subject(&self) -> String {
        token(&self.issuer, &json!({"aud": self.public.url()}))
    }

    fn prove(&self, method: &str, url: &str, nonce: Option<&str>, access_token: Option<&str>) -> String {
        let now = Timestamp::from_unix(now());
        self.key.prove(&ToProve { method, url, nonce, access_token, token_id: random(), now })
    }

    /// The nonce of the public listener, or of the administrators', as a server tells it.
    fn nonce(&self, server: &Server) -> String {
        let proof = self.prove("POST", &format!("{}/oauth/token", self.public.url()), None, None);
        let told = self.exchange(&mut server.connect(), &proof, &self.subject());
        assert_eq!((told.status, told.member("error").as_str()), (400, "use_dpop_nonce"), "{}", told.text());
        told.header("dpop-nonce").unwrap().to_owned()
    }

    fn exchange(&self, connection: &mut Connection, proof: &str, subject: &str) -> Answer {
        let parameters = [("grant_type", GRANT), ("subject_token_type", JWT), ("subject_token", subject)];
        connection.form("/oauth/token", &[("DPoP", proof)], &parameters)
    }

    /// A proof for the token endpoint.
    fn for_a_token(&self, nonce: &str) -> String {
        self.prove("POST", &format!("{}/oauth/token", self.public.url()), Some(nonce), None)
    }

    /// A proof for introspection.
    fn for_an_answer(&self, nonce: &str, bound: &str) -> String {
        self.prove("POST", &format!("{}/oauth/introspect", self.public.url()), Some(nonce), Some(bound))
    }

    fn introspect(&self, connection: &mut Connection, proof: &str, bound: &str) -> Answer {
        let authorization = format!("DPoP {bound}");
        connection.form("/oauth/introspect", &[("Authorization", &authorization), ("DPoP", proof)], &[("token", bound)])
    }

    fn whoami(&self, address: SocketAddr, proof: &str, bound: &str) -> Answer {
        let head = format!("GET /v1/whoami HTTP/1.1\r\nHost: {address}\r\nAuthorization: DPoP {bound}\r\n");
        Connection::tcp(address).ask(format!("{head}DPoP: {proof}\r\n\r\n").as_bytes())
    }

    fn for_an_act(&self, nonce: &str, bound: &str) -> String {
        self.prove("GET", &format!("{}/v1/whoami", self.admin.url()), Some(nonce), Some(bound))
    }

    /// An admin token by this key, and the nonce that came with it.
    fn logged_in(&self) -> (String, String) {
        let url = format!("{}/admin/token", self.admin.url());
        let evidence = token(&self.issuer, &json!({"aud": format!("{}/admin", self.public.url())}));
        let parameters = [("grant_type", GRANT), ("subject_token_type", JWT), ("subject_token", evidence.as_str())];
        let mut nonce = None;
        for status in [400, 200] {
            let proof = self.prove("POST", &url, nonce.as_deref(), None);
            let answer = self.admin.connect().form("/admin/token", &[("DPoP", &proof)], &parameters);
            assert_eq!(answer.status, status, "{}", answer.text());
            nonce = Some(answer.header("dpop-nonce").unwrap().to_owned());
            if status == 200 {
                return (answer.access_token(), nonce.unwrap());
            }
        }
        unreachable!("it is answered or asserted")
    }

    /// A command of somebody elsewhere.
    fn elsewhere(&self, arguments: &[&str], stdin: &str) -> Ran {
        let home = &self.homes[0];
        run(accredit().args(arguments).env("HOME", home.folder()).env("XDG_CONFIG_HOME", home.path("config")), stdin)
    }

    fn intact(&self) {
        let verified = self.servers[0].accredit(["audit", "verify", "-o", "json"]).ended(0).json();
        assert_eq!(verified["breaks"], json!([]), "{verified}");
    }
}

/// How many of the two servers, asked at the same moment, say yes.
fn counted(ask: impl Fn(usize) -> Answer + Sync, refused: impl Fn(&Answer)) -> usize {
    let start = Barrier::new(2);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let asked = [0, 1].map(|place| {
            let (start, ask) = (&start, &ask);
            scope.spawn(move || {
                start.wait();
                ask(place)
            })
        });
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    answers.iter().filter(|answer| answer.status != 200).for_each(refused);
    answers.iter().filter(|answer| answer.status == 200).count()
}

/// K05, I08: each request goes to the other server than the one before it, and a client that does as it is told gets through: at the
/// token endpoint, at introspection, and as an administrator; by the SDK, the command line, and by hand.
#[test]
fn k05_a_client_that_is_sent_to_and_fro_gets_through() {
    let Some(stand) = Stand::new() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..4 {
            // A new client learns the nonce of one server and is asked by the other, then uses what that one told.
            let endpoint = TokenEndpoint::new(&format!("{}/oauth/token", stand.public.url())).unwrap();
            for _ in 0..3 {
                let issued = endpoint.exchange_bound(&Request::new(stand.subject()), &stand.key).await.unwrap();
                assert_eq!(said(&issued.access_token)["cnf"], json!({"jkt": stand.key.thumbprint()}));
            }
        }
    });
    assert_eq!(stand.public.given(), [8, 8]);

    let mut nonce = stand.nonce(&stand.servers[0]);
    for round in 0..6 {
        // One connection or another: the balancer looks at requests.
        let mut connection = stand.public.connect();
        let issued = stand.exchange(&mut connection, &stand.for_a_token(&nonce), &stand.subject());
        let bound = issued.access_token();
        let told = issued.header("dpop-nonce").unwrap();
        let answer = stand.introspect(&mut connection, &stand.for_an_answer(told, &bound), &bound);
        assert_eq!(answer.json()["active"], true, "round {round}");
        nonce = answer.header("dpop-nonce").unwrap().to_owned();
        if round % 2 == 0 {
            connection.get("/oauth/jwks");
        }
    }
    let given = stand.public.given();
    assert!(given[0] > 12 && given[0].abs_diff(given[1]) <= 1, "{given:?}");

    let evidence = token(&stand.issuer, &json!({"aud": format!("{}/admin", stand.public.url())}));
    let file = stand.homes[0].write("job.jwt", &evidence);
    stand.elsewhere(&["login", &stand.admin.url(), "--token-file", file.to_str().unwrap()], "").ended(0);
    for round in 0..3 {
        stand.elsewhere(&["apply", "-f", "-"], &format!("kind: Project\nname: by-robot-{round}\n")).ended(0);
        within_a_second("the project", || {
            stand.elsewhere(&["list", "project"], "").ended(0).stdout.contains(&format!("by-robot-{round}"))
        });
        assert!(stand.elsewhere(&["whoami"], "").ended(0).stdout.contains("operator"));
    }
    let given = stand.admin.given();
    assert!(given[0] > 6 && given[0].abs_diff(given[1]) <= 1, "{given:?}");
    stand.intact();
}

/// I08: one proof, shown to both servers at once, counts once, each of a hundred times; shown again it counts nowhere, nor after a
/// server was killed and started again. A nonce of before counts on: it is the store's.
#[test]
fn i08_a_proof_counts_once_on_two_servers() {
    let Some(mut stand) = Stand::new() else { return };
    let shown_before = |answer: &Answer| {
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(
            (answer.member("error"), answer.member("reason")),
            ("invalid_dpop_proof".into(), "proof-replayed".into())
        );
    };
    let mut last = String::new();
    for round in 0..100 {
        last = stand.for_a_token(&stand.nonce(&stand.servers[round % 2]));
        let ask = |place: usize| stand.exchange(&mut stand.servers[place].connect(), &last, &stand.subject());
        assert_eq!(counted(ask, shown_before), 1, "round {round}");
    }
    for server in &stand.servers {
        shown_before(&stand.exchange(&mut server.connect(), &last, &stand.subject()));
    }
    // The operator reads why, whichever server refused.
    let refused = stand.exchange(&mut stand.servers[1].connect(), &last, &stand.subject());
    let told = stand.servers[0].accredit(["decision", &refused.decision(), "-o", "json"]).ended(0).json();
    assert_eq!(told["reason"], "proof-replayed");

    let nonce = stand.nonce(&stand.servers[0]);
    let bound =
        stand.exchange(&mut stand.public.connect(), &stand.for_a_token(&nonce), &stand.subject()).access_token();
    let unproved = |answer: &Answer| {
        assert_eq!(answer.status, 401, "{}", answer.text());
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_dpop_proof"), "{answer:?}");
    };
    let mut asked = String::new();
    for round in 0..20 {
        asked = stand.for_an_answer(&stand.nonce(&stand.servers[round % 2]), &bound);
        let ask = |place: usize| stand.introspect(&mut stand.servers[place].connect(), &asked, &bound);
        assert_eq!(counted(ask, unproved), 1, "round {round}");
    }
    // A bound token is narrowed by whoever proves its key, once for each proof.
    let narrow = [("grant_type", GRANT), ("subject_token_type", ACCESS_TOKEN), ("subject_token", bound.as_str())];
    for round in 0..10 {
        let proof = stand.for_a_token(&stand.nonce(&stand.servers[round % 2]));
        let ask = |place: usize| stand.servers[place].connect().form("/oauth/token", &[("DPoP", &proof)], &narrow);
        assert_eq!(counted(ask, shown_before), 1, "round {round}");
    }
    let (admin, told) = stand.logged_in();
    let mut act = String::new();
    for round in 0..20 {
        act = stand.for_an_act(&told, &admin);
        let ask = |place: usize| stand.whoami(administration(&stand.servers[place]), &act, &admin);
        assert_eq!(counted(ask, unproved), 1, "round {round}");
    }

    let nonce = stand.nonce(&stand.servers[0]);
    let unspent = stand.for_a_token(&nonce);
    for place in [0, 1] {
        stand.restart(place);
        for server in &stand.servers {
            shown_before(&stand.exchange(&mut server.connect(), &last, &stand.subject()));
            unproved(&stand.introspect(&mut server.connect(), &asked, &bound));
            unproved(&stand.whoami(administration(server), &act, &admin));
        }
    }
    stand.exchange(&mut stand.servers[0].connect(), &unspent, &stand.subject()).access_token();
    shown_before(&stand.exchange(&mut stand.servers[1].connect(), &unspent, &stand.subject()));
    assert_eq!(stand.whoami(administration(&stand.servers[1]), &stand.for_an_act(&told, &admin), &admin).status, 200);
    stand.intact();
}

/// K07, I08, L21: a proof that cannot be claimed does not count, at none of the three places; and the store has room for so many,
/// whichever server they are shown to.
#[test]
fn k07_a_proof_that_cannot_be_claimed_does_not_count() {
    let Some(cluster) = shared() else { return };
    let wire = Wire::to(cluster.port());
    let store = cluster.database();
    let through = cluster.url_through(wire.port, store.rsplit('/').next().unwrap());
    let mut stand = Stand::at(&[through, store], "[limits]\ndpop_proofs = 3\n\n");
    let nonce = stand.nonce(&stand.servers[0]);
    let bound =
        stand.exchange(&mut stand.servers[0].connect(), &stand.for_a_token(&nonce), &stand.subject()).access_token();
    let (admin, told) = stand.logged_in();
    let answer = stand.introspect(&mut stand.servers[0].connect(), &stand.for_an_answer(&nonce, &bound), &bound);
    assert_eq!(answer.json()["active"], true);

    wire.be(State::Cut);
    let (wanted, asked, act) =
        (stand.for_a_token(&nonce), stand.for_an_answer(&nonce, &bound), stand.for_an_act(&told, &admin));
    for answer in [
        stand.whoami(administration(&stand.servers[0]), &act, &admin),
        stand.exchange(&mut stand.servers[0].connect(), &wanted, &stand.subject()),
        stand.introspect(&mut stand.servers[0].connect(), &asked, &bound),
    ] {
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
    }
    wire.be(State::Whole);
    eventually("ready again", || stand.servers[0].connect().get("/readyz").status == 200);
    // What was not claimed may be shown where nobody remembers it.
    assert_eq!(stand.exchange(&mut stand.servers[1].connect(), &wanted, &stand.subject()).status, 200);

    // Six find room in the store. A server that has forgotten what it was shown itself has no more than the others.
    for _ in 0..2 {
        let proof = stand.for_a_token(&nonce);
        assert_eq!(stand.exchange(&mut stand.servers[1].connect(), &proof, &stand.subject()).status, 200);
    }
    for is_full in [false, true] {
        stand.restart(1);
        for _ in 0..2 {
            let proof = stand.for_a_token(&nonce);
            let answer = stand.exchange(&mut stand.servers[1].connect(), &proof, &stand.subject());
            match is_full {
                false => assert_eq!(answer.status, 200, "{}", answer.text()),
                true => {
                    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
                    assert_eq!(answer.member("reason"), "proof-memory");
                }
            }
        }
    }
    stand.intact();
}

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
