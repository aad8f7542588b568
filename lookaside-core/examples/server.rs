//! A server over TCP: a thread for each connection parses requests into owned boxes, one worker replies and drops them.
//!
//! The server owns its list, in an `Arc`, next to nothing but its queue; a request owns a share of it. So requests may
//! wait in the queue, the server may be dropped while they do, and the list is deleted with the last of them. The
//! program is its own client, and prints what the list did.
//!
//! `cargo run --release -p lookaside-core --example server`

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use lookaside_core::{Lookaside, OwnedBox, Tag};

const CLIENTS: usize = 4;
const REQUESTS: usize = 2_000;

/// A line of a client, and where the reply goes.
struct Request {
    number: usize,
    length: usize,
    line: [u8; 200],
    reply: Arc<TcpStream>,
}

/// Reads a connection to its end.
fn read(
    connection: TcpStream,
    list: &Arc<Lookaside<Request>>,
    queue: &Sender<OwnedBox<Request>>,
) -> Result<(), Box<dyn Error>> {
    connection.set_nodelay(true)?;
    let reply = Arc::new(connection.try_clone()?);
    for (number, text) in BufReader::new(connection).lines().enumerate() {
        let text = text?;
        let length = text.len().min(200);
        let mut line = [0; 200];
        line[..length].copy_from_slice(&text.as_bytes()[..length]);
        let request = Request { number, length, line, reply: Arc::clone(&reply) };
        // Out of memory: this connection ends, the others go on.
        queue.send(list.allocate_owned(request)?)?;
    }
    Ok(())
}

/// Replies to each request, which ends there: its block goes back, and comes to the readers in batches.
fn work(queue: Receiver<OwnedBox<Request>>) -> usize {
    let mut handled = 0;
    for mut request in queue {
        let Request { number, length, line, reply } = &mut *request;
        line[..*length].make_ascii_uppercase();
        // A client that has gone misses its reply.
        let sent = writeln!(&**reply, "{number} {}", String::from_utf8_lossy(&line[..*length]));
        handled += usize::from(sent.is_ok());
    }
    handled
}

fn client(address: SocketAddr) -> io::Result<()> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_nodelay(true)?;
    let mut replies = BufReader::new(connection.try_clone()?).lines();
    for number in 0..REQUESTS {
        writeln!(connection, "hello {number}")?;
        assert_eq!(replies.next().expect("the server replies")?, format!("{number} HELLO {number}"));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let list = Arc::new(Lookaside::build(|list| list.name("requests").tag(Tag::new(*b"Rqst")))?);
    let (queue, waiting) = channel();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;

    let worker = thread::spawn(|| work(waiting));
    let clients: Vec<_> = (0..CLIENTS).map(|_| thread::spawn(move || client(address))).collect();
    let mut readers = Vec::new();
    for connection in listener.incoming().take(CLIENTS) {
        let (connection, list, queue) = (connection?, Arc::clone(&list), queue.clone());
        // An error of one connection does not end the server.
        readers.push(thread::spawn(move || read(connection, &list, &queue).map_err(|error| error.to_string())));
    }
    drop(queue);

    for client in clients {
        client.join().expect("a client gets its replies")?;
    }
    for reader in readers {
        reader.join().expect("no reader panics")?;
    }
    println!("{} requests were handled", worker.join().expect("the worker does not panic"));
    println!("{}", list.list().statistics());
    Ok(())
}
