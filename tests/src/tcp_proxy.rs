//! A proxy for any protocol over TCP that fails when a test says so: it cuts,
//! stalls and refuses connections. It counts round trips, and for PostgreSQL it
//! can lose notifications.

mod connection;
mod framing;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use connection::{Limit, Shared, Wish};

/// How a connection ends, on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// With a reset, as when a machine is gone.
    #[default]
    Reset,
    /// In good order, as when a program ends.
    Close,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// What the client sends.
    ToServer,
    /// What the server sends.
    ToClient,
}

/// A proxy on a port of its own. It runs on the runtime that started it; dropped, it ends, and its connections
/// with it.
pub struct TcpProxy {
    address: SocketAddr,
    target: SocketAddr,
    shared: Arc<Shared>,
    door: Mutex<Door>,
}

/// What happens to a new connection.
enum Door {
    /// A task accepts it.
    Open(JoinHandle<()>),
    /// The system refuses it; the socket keeps the port.
    Shut(TcpSocket),
    /// Neither, while it moves.
    Moving,
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        if let Door::Open(task) = self.door.get_mut() {
            task.abort();
        }
        self.cut(Cut::Reset);
    }
}

impl TcpProxy {
    /// Starts before the server at an address, which need not be running yet.
    pub async fn start(target: SocketAddr) -> TcpProxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let door = Mutex::new(Door::Open(tokio::spawn(accept(listener, target, Arc::clone(&shared)))));
        TcpProxy { address, target, shared, door }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Ends every open connection now, whatever is under way. New ones pass.
    pub fn cut(&self, how: Cut) {
        self.wish(|wish| wish.cuts = (wish.cuts.0 + 1, how));
    }

    /// Ends each connection, open or new, once it has let through so many more bytes in a direction. The other side
    /// has read them for sure only when the end is [`Cut::Close`]: a reset may overtake them.
    pub fn cut_after(&self, flow: Flow, bytes: usize, cut: Cut) {
        self.wish(|wish| wish.limit = (wish.limit.0 + 1, Some(Limit { flow, bytes, cut })));
    }

    /// Holds back what comes in from now on, in both directions, without ending a connection.
    pub fn pause(&self) {
        self.wish(|wish| wish.paused = true);
    }

    /// Lets what the server sends through in pieces of so many bytes from now on, each of which arrives on its own.
    pub fn trickle(&self, bytes: usize) {
        self.wish(|wish| wish.trickle = Some(bytes));
    }

    /// Refuses new connections, as a server that is not running does. Open ones stay.
    pub async fn refuse(&self) {
        let mut door = self.door.lock().await;
        let Door::Open(task) = std::mem::replace(&mut *door, Door::Moving) else {
            panic!("the proxy refuses connections already");
        };
        task.abort();
        // Once it has ended, the listener is gone.
        task.await.ok();
        *door = Door::Shut(bound(self.address).await);
    }

    /// Takes back everything: paused bytes go on, and all at once, new connections are accepted, nothing limits them,
    /// and notifications pass.
    pub async fn resume(&self) {
        let mut door = self.door.lock().await;
        *door = match std::mem::replace(&mut *door, Door::Moving) {
            Door::Shut(socket) => {
                let listener = socket.listen(1024).expect("the port that was kept");
                Door::Open(tokio::spawn(accept(listener, self.target, Arc::clone(&self.shared))))
            }
            other => other,
        };
        self.suppress_notifications(false);
        self.wish(|wish| {
            wish.paused = false;
            wish.trickle = None;
            wish.limit = (wish.limit.0 + 1, None);
        });
    }

    /// Loses the notifications of PostgreSQL (`notify`) from now on, or no longer. It works on connections that are
    /// not encrypted, and not on other protocols.
    pub fn suppress_notifications(&self, suppress: bool) {
        self.shared.suppress_notifications.store(suppress, Ordering::SeqCst);
    }

    /// How many round trips there were: how often, on any connection, the server sent something after the client
    /// had.
    ///
    /// However much a client sends before the server says anything counts once, and so does however much the server
    /// answers. Opening a connection to PostgreSQL counts once; a notification that comes on its own does not count.
    /// A client that sends more while an answer is arriving is counted again when the answer goes on: the number is
    /// exact for clients that wait, and an upper limit for those that pipeline.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(Ordering::SeqCst)
    }

    /// Counts round trips from zero again, and returns how many there were.
    pub fn reset_round_trips(&self) -> u64 {
        self.shared.round_trips.swap(0, Ordering::SeqCst)
    }

    fn wish(&self, change: impl FnOnce(&mut Wish)) {
        self.shared.wish.send_modify(change);
    }
}

/// Accepts connections and serves each.
async fn accept(listener: TcpListener, target: SocketAddr, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        let cuts_before = shared.wish.borrow().cuts.0;
        tokio::spawn(async move {
            shared.open.fetch_add(1, Ordering::SeqCst);
            match TcpStream::connect(target).await {
                Ok(server) => connection::serve(client, server, cuts_before, &shared).await,
                // The client has a connection already, which is all a proxy can take back.
                Err(_) => drop(client.set_zero_linger()),
            }
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// A socket that has the port without listening on it. The port was ours until now; connections that are ending
/// may keep it for a moment.
async fn bound(address: SocketAddr) -> TcpSocket {
    for _ in 0..100 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("an option of the socket");
        if socket.bind(address).is_ok() {
            return socket;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the port {address} is taken");
}
