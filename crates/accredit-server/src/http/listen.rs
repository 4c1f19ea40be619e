//! Listeners: TCP for workloads, a unix socket for administrators.

use std::net::SocketAddr;
use std::path::Path;

use tokio::net::{TcpListener, UnixListener};

use crate::app::StartError;

/// Listens on an address. A port of 0 takes any.
pub(super) async fn tcp(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Listen { place: address.to_string(), cause })
}

/// Where a listener really listens.
pub(super) fn address(listener: &TcpListener) -> Result<SocketAddr, StartError> {
    listener.local_addr().map_err(|cause| StartError::Listen { place: "an address".to_owned(), cause })
}

/// Listens on a unix socket, mode 0600 in a folder of mode 0700. One that is left over from a process that ended is
/// replaced; one that still answers is not.
pub(super) async fn unix(path: &Path) -> Result<UnixListener, StartError> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    let fault = |cause| StartError::Listen { place: path.display().to_string(), cause };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault)?;
    let mode = std::fs::metadata(folder).map_err(fault)?.permissions().mode();
    if mode & 0o077 != 0 {
        let cause = format!(
            "its folder `{}` has mode {:o}, expected 700: others could reach the socket",
            folder.display(),
            mode & 0o777
        );
        return Err(fault(std::io::Error::other(cause)));
    }
    if path.exists() {
        if tokio::net::UnixStream::connect(path).await.is_ok() {
            return Err(fault(std::io::Error::other("another server answers there")));
        }
        std::fs::remove_file(path).map_err(fault)?;
    }
    let listener = UnixListener::bind(path).map_err(fault)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(fault)?;
    Ok(listener)
}
