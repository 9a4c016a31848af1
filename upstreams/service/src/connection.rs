//! How a connection is set up once it was accepted.

use core::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How long a client may be silent before it is asked whether it is there.
const ASK_AFTER: Duration = Duration::from_secs(60);

/// How long it has to answer before it is asked again, and how often it is asked.
const ASK_AGAIN: Duration = Duration::from_secs(15);
const ASK_TIMES: u32 = 4;

/// Sets up a connection that was just accepted.
///
/// A client may vanish without a word, and a WebSocket that waits for news would keep its place for ever.
/// So its system is asked now and then whether it is there, and after two minutes without an answer the
/// connection fails.
pub(crate) fn set_up(connection: &TcpStream) {
    // Neither is worth a connection: what the system refuses is done without.
    // An answer is one write; there is nothing to wait for.
    _ = connection.set_nodelay(true);
    let keepalive = TcpKeepalive::new().with_time(ASK_AFTER);
    #[cfg(any(target_os = "linux", target_os = "macos", target_os = "windows"))]
    let keepalive = keepalive.with_interval(ASK_AGAIN).with_retries(ASK_TIMES);
    _ = SockRef::from(connection).set_tcp_keepalive(&keepalive);
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_client_that_is_silent_is_asked_whether_it_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();

        set_up(&accepted);

        assert!(accepted.nodelay().unwrap());
        let socket = SockRef::from(&accepted);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), ASK_AFTER);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), ASK_AGAIN);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), ASK_TIMES);
        }
    }
}
