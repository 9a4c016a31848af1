//! TLS as the test speaks it: an authority with its certificates, and connections secured by them.

use crate::{Client, PATIENCE};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// An authority, and the certificates that it gives away, in files.
pub struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Debug)]
pub struct Certified {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    /// An authority of its own, with a certificate for each of `servers` on 127.0.0.1.
    pub fn with(servers: &[&str]) -> Self {
        let mut params = CertificateParams::new([]).expect("no names are wrong");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        let key = KeyPair::generate().expect("there is entropy");
        let pem = params.self_signed(&key).expect("the parameters are right").pem();
        let dir = TempDir::new().expect("a temporary directory can be made");
        let authority = Self { dir, issuer: Issuer::new(params, key) };
        fs::write(authority.file("ca.pem"), pem).expect("the directory takes a file");
        for server in servers {
            authority.certify(server, &[server, "127.0.0.1"]);
        }
        authority
    }

    /// A certificate for these names, in the files of the server `file`.
    pub fn certify(&self, file: &str, names: &[&str]) -> Certified {
        self.certify_until(2099, file, names)
    }

    /// The same, good until that year.
    pub fn certify_until(&self, year: i32, file: &str, names: &[&str]) -> Certified {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("the names are right");
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().expect("there is entropy");
        let pem = params.signed_by(&key, &self.issuer).expect("the parameters are right").pem();
        let key_file = self.file(&format!("{file}.key"));
        fs::write(self.file(&format!("{file}.pem")), pem).expect("the directory takes a file");
        fs::write(&key_file, key.serialize_pem()).expect("the directory takes a file");
        fs::set_permissions(key_file, Permissions::from_mode(0o600)).expect("a file of ours");
        self.certified(file)
    }

    /// The certificate in the files of the server `file`.
    pub fn certified(&self, file: &str) -> Certified {
        let [pem, key] = ["pem", "key"].map(|kind| self.file(&format!("{file}.{kind}")));
        let chain = CertificateDer::pem_file_iter(pem).expect("it has been written");
        let chain = chain.map(|one| one.expect("it is PEM")).collect();
        Certified { chain, key: PrivateKeyDer::from_pem_file(key).expect("it is PEM") }
    }

    /// A file of its own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a configuration says to have everything secured by its certificates.
    pub fn table(&self) -> String {
        let dir = self.dir.path().display();
        format!(
            "\n[tls]\ncertificate = \"{dir}/{{name}}.pem\"\nkey = \"{dir}/{{name}}.key\"\nauthority = \"{dir}/ca.pem\"\n"
        )
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_file(self.file("ca.pem")).expect("it is PEM");
        roots.add(own).expect("it is an authority's");
        Arc::new(roots)
    }

    /// Speaks TLS as a client does that trusts this authority, with a server of that name, showing `me` where
    /// it is asked.
    pub fn connect(&self, stream: TcpStream, name: &str, me: Option<&Certified>) -> Secured {
        self.connect_by(&[&TLS12, &TLS13], stream, name, me)
    }

    /// The same in TLS 1.2.
    pub fn connect_old(&self, stream: TcpStream, name: &str) -> Secured {
        self.connect_by(&[&TLS12], stream, name, None)
    }

    fn connect_by(
        &self,
        versions: &[&'static rustls::SupportedProtocolVersion],
        stream: TcpStream,
        name: &str,
        me: Option<&Certified>,
    ) -> Secured {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("the versions are known")
            .with_root_certificates(self.roots());
        let config = match me {
            None => config.with_no_client_auth(),
            Some(me) => config
                .with_client_auth_cert(me.chain.clone(), me.key.clone_key())
                .expect("the key is the certificate's"),
        };
        let name = ServerName::try_from(name.to_owned()).expect("this is a name");
        let tls = ClientConnection::new(Arc::new(config), name).expect("the settings are right");
        Secured::new(stream, Connection::Client(tls))
    }

    /// Speaks TLS as a server does that shows `me`, and asks for a certificate by this authority.
    pub fn accept(&self, stream: TcpStream, me: &Certified) -> Secured {
        let provider = Arc::new(ring::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(self.roots(), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .expect("the version is known")
            .with_client_cert_verifier(verifier.build().expect("there are roots"))
            .with_single_cert(me.chain.clone(), me.key.clone_key())
            .expect("the key is the certificate's");
        let tls = ServerConnection::new(Arc::new(config)).expect("the settings are right");
        Secured::new(stream, Connection::Server(tls))
    }
}

/// A connection secured by TLS.
#[derive(Debug)]
pub struct Secured {
    stream: TcpStream,
    tls: Connection,
    /// Read and not asked for yet.
    ahead: Vec<u8>,
}

/// How a connection ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ending {
    /// The other side said that it would.
    Said,
    /// It did not, or something went wrong: what.
    Unsaid(String),
}

impl Secured {
    fn new(stream: TcpStream, tls: Connection) -> Self {
        stream.set_nodelay(true).expect("an open socket takes options");
        stream.set_read_timeout(Some(PATIENCE)).expect("an open socket takes options");
        stream.set_write_timeout(Some(PATIENCE)).expect("an open socket takes options");
        Self { stream, tls, ahead: Vec::new() }
    }

    /// Takes over a connection of a client in the clear.
    pub fn over(client: &Client) -> TcpStream {
        client.stream().try_clone().expect("a socket can be shared")
    }

    /// Goes through the handshake: whether that works, as far as this side can tell.
    ///
    /// # Errors
    ///
    /// What went wrong.
    pub fn shake_hands(&mut self) -> io::Result<()> {
        while self.tls.is_handshaking() {
            self.tls.complete_io(&mut self.stream)?;
        }
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.stream)?;
        }
        Ok(())
    }

    /// What no other connection shares with this one.
    #[track_caller]
    pub fn binding(&mut self) -> [u8; 32] {
        self.shake_hands().expect("the handshake works");
        let label = b"EXPORTER-Channel-Binding";
        self.tls.export_keying_material([0; 32], label, Some(&[])).expect("the handshake is done")
    }

    /// Sends bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        assert!(self.try_send(bytes), "the other side takes what is sent");
    }

    /// Sends bytes if the other side still takes any.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.write(bytes.as_ref()).is_ok()
    }

    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.shake_hands()?;
        while !bytes.is_empty() {
            let written = self.tls.writer().write(bytes)?;
            bytes = &bytes[written..];
            while self.tls.wants_write() {
                self.tls.write_tls(&mut self.stream)?;
            }
        }
        Ok(())
    }

    /// Says that nothing more will come, and goes on listening.
    pub fn finish(&mut self) {
        self.tls.send_close_notify();
        let _ = self.tls.write_tls(&mut self.stream);
        self.cut();
    }

    /// Ends this half of the connection without a word.
    pub fn cut(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends a line and returns the next line that comes back.
    #[track_caller]
    pub fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\n"));
        self.line()
    }

    /// The next line, without its line feed.
    #[track_caller]
    pub fn line(&mut self) -> String {
        self.line_or_end().unwrap_or_else(|end| panic!("no line: {end:?}"))
    }

    /// The next line.
    ///
    /// # Errors
    ///
    /// How the connection ended before one was complete.
    pub fn line_or_end(&mut self) -> Result<String, Ending> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.ahead.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.fill()?;
        }
    }

    /// Everything until the connection ends, and how it does.
    pub fn rest(&mut self) -> (Vec<u8>, Ending) {
        loop {
            if let Err(end) = self.fill() {
                return (core::mem::take(&mut self.ahead), end);
            }
        }
    }

    fn fill(&mut self) -> Result<(), Ending> {
        match self.read() {
            Ok(bytes) if bytes.is_empty() => Err(Ending::Said),
            Ok(bytes) => {
                self.ahead.extend_from_slice(&bytes);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no answer in time"),
            Err(error) => Err(Ending::Unsaid(error.to_string())),
        }
    }

    /// What comes next; nothing is the end, where it is said.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        self.shake_hands()?;
        let mut buffer = [0; 16 * 1024];
        loop {
            match self.tls.reader().read(&mut buffer) {
                Ok(count) => return Ok(buffer[..count].to_vec()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            self.tls.read_tls(&mut self.stream)?;
            self.tls.process_new_packets().map_err(io::Error::other)?;
        }
    }
}
