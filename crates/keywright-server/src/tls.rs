//! TLS for the listener: rustls with AWS-LC, certificates from PEM files that may change while we
//! run. A bad new file is reported and leaves the old certificate in use.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;

/// What a client may speak over TLS, best first (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files of a TLS listener, all PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then its intermediates.
    pub certificates: PathBuf,
    /// The private key of the first certificate: PKCS #8, PKCS #1 or SEC 1.
    pub private_key: PathBuf,
    /// The authorities of client certificates. When named, every client must have one (mutual TLS).
    pub client_authorities: Option<PathBuf>,
}

/// Why the TLS files cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file that is missing, unreadable or not PEM.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls_pki_types::pem::Error,
    },
    /// A file without any certificate.
    #[error("`{}` holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// An authority, certificate or key that rustls refuses, or a key of another certificate.
    #[error("cannot use `{}`: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// The TLS side of a listener. Cloning is cheap, and every clone sees a reload.
#[derive(Clone)]
pub struct TlsAcceptorHandle(Arc<Inner>);

struct Inner {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// What the files looked like when they were last read, well or badly.
    seen: Mutex<Vec<Option<Look>>>,
}

/// When a file was changed, and its length.
type Look = (SystemTime, u64);

impl TlsAcceptorHandle {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        // Looked at before they are read: a change in between is then seen at the next look.
        let seen = Mutex::new(files.look());
        let config = ArcSwap::from_pointee(files.read()?);
        Ok(Self(Arc::new(Inner {
            files,
            config,
            seen,
        })))
    }

    /// Reads the files again. New connections use them; open ones go on as they are.
    ///
    /// # Errors
    /// [`TlsError`]: the old certificate stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let look = self.0.files.look();
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = look;
        self.0.config.store(Arc::new(self.0.files.read()?));
        Ok(())
    }

    /// Reads the files again if one of them has changed since they were last read. Says whether one
    /// had; a bad file is reported once, not at every look.
    ///
    /// # Errors
    /// As [`TlsAcceptorHandle::reload`].
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        let look = self.0.files.look();
        if *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) == look {
            return Ok(false);
        }
        self.reload().map(|()| true)
    }

    /// Looks at the files every `interval`, for ever. The server spawns this.
    pub async fn watch(self, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            // Reading is blocking work, if only for a few files.
            let handle = self.clone();
            match tokio::task::spawn_blocking(move || handle.reload_if_changed()).await {
                Ok(Ok(true)) => tracing::info!("the TLS certificate was replaced"),
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => {
                    tracing::error!(%error, "the new TLS files are bad; the old certificate stays in use");
                }
            }
        }
    }

    /// The acceptor for one connection, with the certificate of this moment.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.config.load_full())
    }
}

impl std::fmt::Debug for TlsAcceptorHandle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("TlsAcceptorHandle")
            .field(&self.0.files)
            .finish()
    }
}

impl TlsFiles {
    fn look(&self) -> Vec<Option<Look>> {
        [
            Some(&self.certificates),
            Some(&self.private_key),
            self.client_authorities.as_ref(),
        ]
        .into_iter()
        .map(|path| {
            path.and_then(|path| std::fs::metadata(path).ok())
                .and_then(|file| look(&file))
        })
        .collect()
    }

    fn read(&self) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = certificates(&self.certificates)?;
        let key = PrivateKeyDer::from_pem_file(&self.private_key)
            .map_err(|source| unreadable(&self.private_key, source))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&self.certificates, error))?;
        let builder = match &self.client_authorities {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| unusable(&self.certificates, error))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(config)
    }
}

fn look(file: &Metadata) -> Option<Look> {
    Some((file.modified().ok()?, file.len()))
}

fn client_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots
            .add(authority)
            .map_err(|error| unusable(path, error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(path, error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| unreadable(path, source))?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate(path.to_owned()));
    }
    Ok(found)
}

fn unreadable(path: &Path, source: rustls_pki_types::pem::Error) -> TlsError {
    TlsError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

fn unusable(path: &Path, problem: impl ToString) -> TlsError {
    TlsError::Unusable {
        path: path.to_owned(),
        problem: problem.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    struct Folder {
        folder: tempfile::TempDir,
    }

    impl Folder {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
            }
        }

        fn files(&self) -> TlsFiles {
            TlsFiles {
                certificates: self.folder.path().join("certificate.pem"),
                private_key: self.folder.path().join("key.pem"),
                client_authorities: None,
            }
        }

        fn write(&self, name: &str) {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            std::fs::write(self.files().certificates, made.cert.pem()).unwrap();
            std::fs::write(self.files().private_key, made.signing_key.serialize_pem()).unwrap();
        }
    }

    fn current(handle: &TlsAcceptorHandle) -> Arc<ServerConfig> {
        handle.0.config.load_full()
    }

    #[test]
    fn changed_files_are_read_again_and_unchanged_ones_are_not() {
        let folder = Folder::new();
        folder.write("a.example");
        let handle = TlsAcceptorHandle::load(folder.files()).unwrap();
        let first = current(&handle);
        assert!(!handle.reload_if_changed().unwrap());
        assert!(Arc::ptr_eq(&first, &current(&handle)));
        folder.write("a-longer-name.example");
        assert!(handle.reload_if_changed().unwrap());
        assert!(!Arc::ptr_eq(&first, &current(&handle)));
        assert!(!handle.reload_if_changed().unwrap());
    }

    #[test]
    fn bad_files_are_reported_once_and_the_old_certificate_stays() {
        let folder = Folder::new();
        folder.write("a.example");
        let handle = TlsAcceptorHandle::load(folder.files()).unwrap();
        let first = current(&handle);
        std::fs::write(folder.files().certificates, "nonsense").unwrap();
        assert!(matches!(
            handle.reload_if_changed(),
            Err(TlsError::NoCertificate(_))
        ));
        assert!(!handle.reload_if_changed().unwrap());
        std::fs::remove_file(folder.files().private_key).unwrap();
        assert!(handle.reload().is_err());
        assert!(Arc::ptr_eq(&first, &current(&handle)));
    }

    #[test]
    fn the_key_of_another_certificate_is_refused_and_the_file_named() {
        let folder = Folder::new();
        folder.write("a.example");
        let certificate = std::fs::read(folder.files().certificates).unwrap();
        folder.write("b.example");
        std::fs::write(folder.files().certificates, certificate).unwrap();
        let error = TlsAcceptorHandle::load(folder.files())
            .unwrap_err()
            .to_string();
        assert!(error.contains("certificate.pem"), "{error}");
    }

    #[test]
    fn an_empty_list_of_client_authorities_is_refused() {
        let folder = Folder::new();
        folder.write("a.example");
        let mut files = folder.files();
        let authorities = folder.folder.path().join("authorities.pem");
        std::fs::write(&authorities, "").unwrap();
        files.client_authorities = Some(authorities);
        assert!(matches!(
            TlsAcceptorHandle::load(files.clone()),
            Err(TlsError::NoCertificate(_))
        ));
        files.client_authorities = Some(files.certificates.clone());
        assert!(TlsAcceptorHandle::load(files).is_ok());
    }
}
