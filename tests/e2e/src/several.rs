//! Several servers on one PostgreSQL.

use accredit_test_postgres::Cluster;

use crate::server::Home;

/// A home whose server keeps its store at an address, and seals its keys under the key of all.
pub fn home(store: &str) -> Home {
    let home = Home::new();
    home.configure("sqlite:data/accredit.db", store);
    home.write("kek", KEY_ENCRYPTION_KEY);
    home
}

/// So many homes on a new database.
pub fn homes(cluster: &Cluster, count: usize) -> Vec<Home> {
    let store = cluster.database();
    (0..count).map(|_| home(&store)).collect()
}

const KEY_ENCRYPTION_KEY: &str = "8Dc5zZkMVJzOkVVhVRmFZxA5xGLjSSiUM8uoKHGmr2k=";
