//! Several servers under test.

use crate::Server;
use core::ops::{Index, IndexMut};

/// The servers of a plan, by name. All of them are killed when this is dropped.
#[derive(Debug)]
pub struct Herd {
    servers: Vec<Server>,
}

impl Herd {
    pub(crate) const fn new(servers: Vec<Server>) -> Self {
        Self { servers }
    }

    /// Starts every server that does not run.
    #[track_caller]
    pub fn start_all(&mut self) {
        for server in &mut self.servers {
            server.start();
        }
    }

    /// The servers, in the order in which they were planned.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The only server of the herd.
    #[track_caller]
    pub fn into_only(self) -> Server {
        let [server] = <[Server; 1]>::try_from(self.servers).expect("the herd has one server");
        server
    }
}

impl Index<&str> for Herd {
    type Output = Server;

    fn index(&self, name: &str) -> &Server {
        let found = self.servers.iter().find(|server| server.name() == name);
        found.expect("the herd has that server")
    }
}

impl IndexMut<&str> for Herd {
    fn index_mut(&mut self, name: &str) -> &mut Server {
        let found = self.servers.iter_mut().find(|server| server.name() == name);
        found.expect("the herd has that server")
    }
}
