//! A key-value server and its clients, threads of one process. The clients send runs of commands as text, as those of
//! memcached do; the server's threads parse them, do them on one concurrent map (the crate dashmap), and send the replies.
//! Messages, keys and values are freed by other threads than allocated them.

use std::str;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, Scope};

use dashmap::DashMap;

use crate::ground::machine;
use crate::ground::measure::{TEAM_ROUND, timed_from};
use crate::ground::random::Random;
use crate::ground::team::{Work, lock, team};

/// Clients for each processor: one waits while another is served.
const CLIENTS: usize = 2;
/// Keys of each client.
const KEYS: usize = 1024;
/// Commands in a message.
const RUN: usize = 32;
/// Messages after which a client has as many values as it will have.
const FILL: u64 = 16 * (KEYS / RUN) as u64;

/// Nanoseconds for a command, of all clients together.
pub fn run() -> anyhow::Result<f64> {
    let (store, processors) = (Store::new(), machine::processors());
    let count = CLIENTS * processors;
    let message = thread::scope(|scope| {
        let servers: Vec<_> = (0..processors).map(|_| start(scope, &store)).collect();
        // They outlive the threads that are clients, so that each team goes on with full ones. The server's threads end with
        // the last of them.
        let clients: Vec<_> = (0..count).map(|number| Mutex::new(Client::new(number, servers.clone()))).collect();
        drop(servers);
        clients.iter().for_each(|client| lock(client).ask(FILL));
        let member = |thread: usize| -> Work<'_> {
            let mut client = lock(&clients[thread]);
            Box::new(move |messages| client.ask(messages))
        };
        timed_from(16, TEAM_ROUND, &mut |messages| team(count, messages, &member))
    });
    Ok(message / (RUN * count) as f64)
}

type Store = DashMap<String, Vec<u8>>;

/// A run of commands, and where its replies go.
struct Message {
    commands: Vec<u8>,
    replies: SyncSender<Vec<u8>>,
}

/// Starts a thread of the server, and returns where its messages go.
fn start<'a>(scope: &'a Scope<'a, '_>, store: &'a Store) -> Sender<Message> {
    let (sender, inbox) = mpsc::channel();
    scope.spawn(move || serve(store, inbox));
    sender
}

/// Does what messages ask for until no client is left.
fn serve(store: &Store, inbox: Receiver<Message>) {
    for message in inbox {
        let replies = replies(store, &message.commands);
        message.replies.send(replies).expect("the client waits");
    }
}

/// Does each command of a text.
fn replies(store: &Store, mut commands: &[u8]) -> Vec<u8> {
    let mut replies = Vec::new();
    while !commands.is_empty() {
        let Some((command, rest)) = Command::parse(commands) else {
            replies.extend_from_slice(b"ERROR\r\n");
            break;
        };
        command.execute(store).write(&mut replies);
        commands = rest;
    }
    replies
}

/// A command as it came.
#[derive(Debug, PartialEq)]
enum Command {
    Get(String),
    Set(String, Vec<u8>),
    Delete(String),
}

enum Reply {
    Value(Vec<u8>),
    Stored,
    Deleted,
    NotFound,
}

impl Command {
    /// Parses the first command of a text; returns also the text behind it.
    fn parse(text: &[u8]) -> Option<(Self, &[u8])> {
        let (line, rest) = line(text)?;
        let mut words = line.split(' ');
        let (verb, key) = (words.next()?, words.next()?.to_owned());
        match verb {
            "get" => Some((Self::Get(key), rest)),
            "delete" => Some((Self::Delete(key), rest)),
            "set" => {
                let (value, rest) = rest.split_at_checked(words.next()?.parse().ok()?)?;
                Some((Self::Set(key, value.to_vec()), rest.strip_prefix(b"\r\n")?))
            }
            _ => None,
        }
    }

    fn execute(self, store: &Store) -> Reply {
        match self {
            Self::Get(key) => store.get(&key).map_or(Reply::NotFound, |value| Reply::Value(value.clone())),
            Self::Set(key, value) => {
                store.insert(key, value);
                Reply::Stored
            }
            Self::Delete(key) => store.remove(&key).map_or(Reply::NotFound, |_| Reply::Deleted),
        }
    }
}

impl Reply {
    fn write(&self, text: &mut Vec<u8>) {
        match self {
            Self::Value(value) => {
                text.extend_from_slice(format!("VALUE {}\r\n", value.len()).as_bytes());
                text.extend_from_slice(value);
                text.extend_from_slice(b"\r\n");
            }
            Self::Stored => text.extend_from_slice(b"STORED\r\n"),
            Self::Deleted => text.extend_from_slice(b"DELETED\r\n"),
            Self::NotFound => text.extend_from_slice(b"NOT_FOUND\r\n"),
        }
    }
}

/// The first line of a text, and what follows it.
fn line(text: &[u8]) -> Option<(&str, &[u8])> {
    let end = text.iter().position(|&byte| byte == b'\n')?;
    let line = text[..end].strip_suffix(b"\r")?;
    Some((str::from_utf8(line).ok()?, &text[end + 1..]))
}

/// A client with keys of its own, so that it knows each reply.
struct Client {
    number: usize,
    random: Random,
    /// How long the value of each key is that the server has.
    lengths: Vec<Option<usize>>,
    /// The threads of the server, which it asks in turn.
    servers: Vec<Sender<Message>>,
    asked: usize,
    replies: (SyncSender<Vec<u8>>, Receiver<Vec<u8>>),
    /// The replies that have to come.
    expected: Vec<u8>,
}

impl Client {
    fn new(number: usize, servers: Vec<Sender<Message>>) -> Self {
        Self {
            number,
            random: Random::new(number),
            lengths: vec![None; KEYS],
            servers,
            asked: number,
            replies: mpsc::sync_channel(1),
            expected: Vec::new(),
        }
    }

    /// Sends this number of messages, one after the other, and looks at all replies.
    fn ask(&mut self, messages: u64) {
        for _ in 0..messages {
            self.expected.clear();
            let mut commands = Vec::new();
            (0..RUN).for_each(|_| self.command(&mut commands));
            self.asked += 1;
            let server = &self.servers[self.asked % self.servers.len()];
            server.send(Message { commands, replies: self.replies.0.clone() }).expect("the server waits");
            let replies = self.replies.1.recv().expect("the server replies");
            assert!(replies == self.expected, "client {} got other replies", self.number);
        }
    }

    /// Writes a command, and what the reply has to be: of 20 commands 14 get, 5 set, 1 deletes.
    fn command(&mut self, commands: &mut Vec<u8>) {
        let key = self.random.below(KEYS);
        let name = format!("client:{}:item:{key}", self.number);
        match self.random.below(20) {
            0 => {
                commands.extend_from_slice(format!("delete {name}\r\n").as_bytes());
                self.lengths[key].take().map_or(Reply::NotFound, |_| Reply::Deleted).write(&mut self.expected);
            }
            1..=5 => {
                let length = length(&mut self.random);
                commands.extend_from_slice(format!("set {name} {length}\r\n").as_bytes());
                commands.resize(commands.len() + length, key as u8);
                commands.extend_from_slice(b"\r\n");
                self.lengths[key] = Some(length);
                Reply::Stored.write(&mut self.expected);
            }
            _ => {
                commands.extend_from_slice(format!("get {name}\r\n").as_bytes());
                let value = self.lengths[key].map(|length| vec![key as u8; length]);
                value.map_or(Reply::NotFound, Reply::Value).write(&mut self.expected);
            }
        }
    }
}

/// How long a value is: most are small, few large, as in caches of web servers.
fn length(random: &mut Random) -> usize {
    match random.below(10) {
        0..=5 => 16 + random.below(112),
        6..=8 => 128 + random.below(896),
        _ => 1024 + random.below(7168),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_has_what_the_clients_know() {
        let store = Store::new();
        let clients = thread::scope(|scope| {
            let servers = [(); 2].map(|()| start(scope, &store)).to_vec();
            let mut clients = [0, 1].map(|number| Client::new(number, servers.clone()));
            drop(servers);
            clients.iter_mut().for_each(|client| client.ask(FILL));
            clients.map(|client| (client.number, client.lengths))
        });
        let mut values = 0;
        for (number, lengths) in clients {
            assert!((KEYS * 3 / 4..KEYS * 9 / 10).contains(&lengths.iter().flatten().count()), "{lengths:?}");
            for (key, length) in lengths.into_iter().enumerate() {
                let value = store.get(&format!("client:{number}:item:{key}"));
                assert_eq!(value.as_ref().map(|value| value.len()), length);
                assert!(value.is_none_or(|value| value.iter().all(|&byte| byte == key as u8)));
                values += usize::from(length.is_some());
            }
        }
        assert_eq!(store.len(), values);
    }

    #[test]
    fn commands_are_parsed_and_done_in_order() {
        let store = Store::new();
        let text = b"set a 3\r\nx\ny\r\nget a\r\nset a 0\r\n\r\nget a\r\ndelete a\r\ndelete a\r\nget a\r\n";
        let expected = "STORED\r\nVALUE 3\r\nx\ny\r\nSTORED\r\nVALUE 0\r\n\r\nDELETED\r\nNOT_FOUND\r\nNOT_FOUND\r\n";
        assert_eq!(str::from_utf8(&replies(&store, text)), Ok(expected));
        for text in ["get", "get \n", "put a\r\n", "set a\r\n", "set a 4\r\nabc\r\n", "set a 1\r\nab\r\n", "get a"] {
            assert_eq!(Command::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(replies(&store, b"get a\r\nno\r\nget a\r\n"), b"NOT_FOUND\r\nERROR\r\n");
    }

    #[test]
    #[should_panic(expected = "got other replies")]
    fn a_wrong_reply_is_noticed() {
        let (sender, inbox) = mpsc::channel::<Message>();
        thread::scope(|scope| {
            scope.spawn(|| inbox.into_iter().for_each(|message| _ = message.replies.send(b"STORED\r\n".repeat(RUN))));
            Client::new(0, vec![sender]).ask(1);
        });
    }
}
