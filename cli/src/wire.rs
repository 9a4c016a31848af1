//! A connection to a server, in the clear or secured, that one thread writes to and another reads from.

use core::net::SocketAddr;
use core::time::Duration;
use herd_tls::{End, Session};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// An open connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    session: Option<Mutex<Session>>,
    /// Held from sealing bytes until they are written, so that they leave in order. Reading does not wait
    /// for it: a server may read on only when its answers are taken.
    order: Mutex<()>,
}

impl Wire {
    /// A connection that is in the clear, or is secured by `session` within `patience`.
    ///
    /// # Errors
    ///
    /// That the other side speaks no TLS, or has no certificate that will do.
    pub(crate) fn open(
        stream: TcpStream,
        session: Option<Session>,
        patience: Duration,
    ) -> io::Result<Self> {
        let Some(mut session) = session else {
            return Ok(Self { stream, session: None, order: Mutex::default() });
        };
        let until = herd_clock::now().mono.after(patience);
        let mut buffer = [0; 4096];
        while !session.is_secured() {
            // A server that sends a byte now and then does not make it longer.
            let left = until.since(herd_clock::now().mono);
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            stream.set_write_timeout(Some(left))?;
            (&stream).write_all(&session.seal(b""))?;
            let count = (&stream).read(&mut buffer)?;
            let opened = session.open(&buffer[..count]);
            if let Some(end) = opened.end {
                (&stream).write_all(&session.seal(b""))?;
                return Err(io::Error::other(end.to_string()));
            }
        }
        (&stream).write_all(&session.seal(b""))?;
        stream.set_read_timeout(None)?;
        stream.set_write_timeout(None)?;
        Ok(Self { stream, session: Some(Mutex::new(session)), order: Mutex::default() })
    }

    /// Where the server is.
    pub(crate) fn peer(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Gives up sending when nothing is taken for this long: an error that says that it would block.
    pub(crate) fn set_write_patience(&self, patience: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(Some(patience))
    }

    /// Sends bytes.
    pub(crate) fn send(&self, bytes: &[u8]) -> io::Result<()> {
        let Some(session) = &self.session else { return (&self.stream).write_all(bytes) };
        let _order = lock(&self.order);
        let sealed = lock(session).seal(bytes);
        (&self.stream).write_all(&sealed)
    }

    /// Says that nothing more will come.
    pub(crate) fn finish(&self) -> io::Result<()> {
        if let Some(session) = &self.session {
            let _order = lock(&self.order);
            let sealed = lock(session).close();
            (&self.stream).write_all(&sealed)?;
        }
        self.stream.shutdown(Shutdown::Write)
    }

    /// Appends what comes next to `received`. Whether there may be more.
    pub(crate) fn receive(&self, received: &mut Vec<u8>) -> io::Result<bool> {
        let mut buffer = vec![0; 64 << 10];
        let count = match (&self.stream).read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            count => count?,
        };
        let Some(session) = &self.session else {
            received.extend_from_slice(&buffer[..count]);
            return Ok(count > 0);
        };
        let opened = lock(session).open(&buffer[..count]);
        received.extend_from_slice(&opened.plain);
        match opened.end {
            None => Ok(true),
            Some(End::Closed) => Ok(false),
            Some(end) => Err(io::Error::other(end.to_string())),
        }
    }

    /// The same, for so long at most: then an error that says that it would block.
    pub(crate) fn receive_within(
        &self,
        patience: Duration,
        received: &mut Vec<u8>,
    ) -> io::Result<bool> {
        self.stream.set_read_timeout(Some(patience))?;
        self.receive(received)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
