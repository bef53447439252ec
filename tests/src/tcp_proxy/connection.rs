//! One connection through the proxy: bytes go both ways until a side ends or
//! the test cuts it.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::framing::Framing;
use super::{Cut, Flow};

/// How long a side has to end a connection that was closed politely.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the test wants at the moment.
#[derive(Clone, Copy, Default)]
pub struct Wish {
    /// Whether bytes wait.
    pub paused: bool,
    /// How many bytes of the server arrive together, unless all do.
    pub trickle: Option<usize>,
    /// Counts the cuts, and the latest: connections opened before it end.
    pub cuts: (u64, Cut),
    /// Counts the limits, and the latest.
    pub limit: (u64, Option<Limit>),
}

/// Ends a connection after some bytes.
#[derive(Clone, Copy)]
pub struct Limit {
    /// Which bytes count.
    pub flow: Flow,
    /// How many of them come through.
    pub bytes: usize,
    /// How the connection ends then.
    pub cut: Cut,
}

/// What the connections of a proxy share.
#[derive(Default)]
pub struct Shared {
    /// What the test wants.
    pub wish: watch::Sender<Wish>,
    /// Whether notifications are left out.
    pub suppress_notifications: AtomicBool,
    /// How often the direction turned.
    pub round_trips: AtomicU64,
    /// How many connections are open.
    pub open: AtomicU64,
}

/// What the two directions of a connection share.
#[derive(Default)]
struct State {
    framing: Mutex<Framing>,
    /// Whether the client has sent something since the server did.
    asked: AtomicBool,
}

/// Forwards between two sides until one ends or the test cuts. `cuts_before` tells how many cuts there were when the
/// client came.
pub async fn serve(mut client: TcpStream, mut server: TcpStream, cuts_before: u64, shared: &Shared) {
    for side in [&client, &server] {
        side.set_nodelay(true).ok();
    }
    let state = State::default();
    let mut wish = shared.wish.subscribe();
    let cut = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        tokio::select! {
            cut = pump(from_client, to_server, Flow::ToServer, &state, shared) => cut,
            cut = pump(from_server, to_client, Flow::ToClient, &state, shared) => cut,
            changed = wish.wait_for(|wish| wish.cuts.0 != cuts_before) => changed.map_or(Cut::Reset, |wish| wish.cuts.1),
        }
    };
    match cut {
        Cut::Reset => {
            // Closed with nothing lingering, a connection ends with a reset.
            for side in [client, server] {
                side.set_zero_linger().ok();
            }
        }
        Cut::Close => {
            let end = async { tokio::join!(farewell(&mut client), farewell(&mut server)) };
            tokio::time::timeout(FAREWELL, end).await.ok();
        }
    }
}

/// Forwards one direction; returns how the connection is to end.
async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, flow: Flow, state: &State, shared: &Shared) -> Cut {
    let mut wish = shared.wish.subscribe();
    let mut allowance = Allowance::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) => return Cut::Close,
            Ok(read) => read,
            Err(_) => return Cut::Reset,
        };
        let Ok(wish) = wish.wait_for(|wish| !wish.paused).await.map(|wish| *wish) else { return Cut::Reset };
        let (mut bytes, cut) = match allowance.of(flow, &wish, read) {
            Some((allowed, cut)) => (buffer[..allowed].to_vec(), Some(cut)),
            None => (buffer[..read].to_vec(), None),
        };
        bytes = state.passed(flow, &bytes, shared);
        let piece = wish.trickle.filter(|_| flow == Flow::ToClient);
        if deliver(&mut to, &bytes, piece).await.is_err() {
            return Cut::Reset;
        }
        if let Some(cut) = cut {
            return cut;
        }
    }
}

/// Writes all at once, or in pieces.
async fn deliver(to: &mut WriteHalf<'_>, bytes: &[u8], piece: Option<usize>) -> io::Result<()> {
    let Some(piece) = piece else { return to.write_all(bytes).await };
    for piece in bytes.chunks(piece) {
        to.write_all(piece).await?;
        // The other side is to read it before the next comes.
        tokio::task::spawn_blocking(nap).await.ok();
    }
    Ok(())
}

/// Waits for less than the runtime's timer can.
#[expect(clippy::disallowed_methods, reason = "on a thread of its own, and for no condition")]
fn nap() {
    std::thread::sleep(Duration::from_micros(100));
}

impl State {
    /// Counts, and leaves out what is not to come through.
    fn passed(&self, flow: Flow, bytes: &[u8], shared: &Shared) -> Vec<u8> {
        let mut framing = self.framing.lock().expect("a lock");
        match flow {
            Flow::ToServer => {
                if !bytes.is_empty() {
                    self.asked.store(true, Ordering::SeqCst);
                }
                framing.client_sent(bytes);
                bytes.to_vec()
            }
            Flow::ToClient => {
                let passed = framing.server_sent(bytes, shared.suppress_notifications.load(Ordering::SeqCst));
                if !passed.is_empty() && self.asked.swap(false, Ordering::SeqCst) {
                    shared.round_trips.fetch_add(1, Ordering::SeqCst);
                }
                passed
            }
        }
    }
}

/// What is left of the latest limit on a direction.
#[derive(Default)]
struct Allowance {
    limit: u64,
    remaining: usize,
}

impl Allowance {
    /// How many bytes may pass and how the connection ends then, when it ends within the bytes that were read.
    fn of(&mut self, flow: Flow, wish: &Wish, read: usize) -> Option<(usize, Cut)> {
        let (number, limit) = wish.limit;
        let limit = limit.filter(|limit| limit.flow == flow)?;
        if self.limit != number {
            *self = Allowance { limit: number, remaining: limit.bytes };
        }
        if read < self.remaining {
            self.remaining -= read;
            return None;
        }
        Some((self.remaining, limit.cut))
    }
}

/// Tells a side that nothing more comes, and waits until it has ended too: a socket that is closed with bytes unread
/// would end with a reset instead.
async fn farewell(side: &mut TcpStream) -> io::Result<()> {
    side.shutdown().await?;
    let mut rest = [0; 4096];
    while side.read(&mut rest).await? > 0 {}
    Ok(())
}
