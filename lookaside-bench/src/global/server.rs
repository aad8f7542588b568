//! A key-value server and its clients, threads of one process. The clients send runs of commands as lines of text; the
//! server's threads parse them, do them on one concurrent map (the crate dashmap), and send the replies. Messages, keys and
//! values are freed by other threads than allocated them.

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

type Store = DashMap<String, String>;

/// A run of commands, and where its replies go.
struct Message {
    commands: String,
    replies: SyncSender<String>,
}

/// Starts a thread of the server, and returns where its messages go. It works until no client is left.
fn start<'a>(scope: &'a Scope<'a, '_>, store: &'a Store) -> Sender<Message> {
    let (sender, inbox) = mpsc::channel::<Message>();
    scope.spawn(move || {
        for message in inbox {
            message.replies.send(replies(store, &message.commands)).expect("the client waits");
        }
    });
    sender
}

/// Does each command, which is a line of a text.
fn replies(store: &Store, commands: &str) -> String {
    commands.lines().map(|command| reply(store, command)).collect()
}

fn reply(store: &Store, command: &str) -> String {
    let mut words = command.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("get"), Some(key), None) => found(store.get(key).map(|value| value.clone())),
        (Some("set"), Some(key), Some(value)) => {
            store.insert(key.to_owned(), value.to_owned());
            STORED.to_owned()
        }
        (Some("delete"), Some(key), None) => deleted(store.remove(key).is_some()),
        _ => "ERROR\n".to_owned(),
    }
}

const STORED: &str = "STORED\n";

fn found(value: Option<String>) -> String {
    value.map_or("NOT_FOUND\n".to_owned(), |value| format!("VALUE {value}\n"))
}

fn deleted(was_there: bool) -> String {
    if was_there { "DELETED\n" } else { "NOT_FOUND\n" }.to_owned()
}

/// A client with keys of its own, so that it knows each reply.
struct Client {
    number: usize,
    random: Random,
    /// The values that the server has.
    values: Vec<Option<String>>,
    /// The threads of the server, which it asks in turn.
    servers: Vec<Sender<Message>>,
    asked: usize,
    replies: (SyncSender<String>, Receiver<String>),
}

impl Client {
    fn new(number: usize, servers: Vec<Sender<Message>>) -> Self {
        let (values, replies) = (vec![None; KEYS], mpsc::sync_channel(1));
        Self { number, random: Random::new(number), values, servers, asked: number, replies }
    }

    /// Sends this number of messages, one after the other, and looks at all replies.
    fn ask(&mut self, messages: u64) {
        for _ in 0..messages {
            let (mut commands, mut expected) = (String::new(), String::new());
            for _ in 0..RUN {
                let (command, reply) = self.command();
                commands += &command;
                expected += &reply;
            }
            self.asked += 1;
            let server = &self.servers[self.asked % self.servers.len()];
            server.send(Message { commands, replies: self.replies.0.clone() }).expect("the server waits");
            let replies = self.replies.1.recv().expect("the server replies");
            assert!(replies == expected, "client {} got other replies", self.number);
        }
    }

    /// A command, and what the reply has to be: of 20 commands 14 get, 5 set, 1 deletes.
    fn command(&mut self) -> (String, String) {
        let key = self.random.below(KEYS);
        let name = format!("client:{}:item:{key}", self.number);
        match self.random.below(20) {
            0 => (format!("delete {name}\n"), deleted(self.values[key].take().is_some())),
            1..=5 => {
                let value = value(&mut self.random);
                let command = format!("set {name} {value}\n");
                self.values[key] = Some(value);
                (command, STORED.to_owned())
            }
            _ => (format!("get {name}\n"), found(self.values[key].clone())),
        }
    }
}

/// A value: most are small, few large, as in caches of web servers.
fn value(random: &mut Random) -> String {
    let length = match random.below(10) {
        0..=5 => 16 + random.below(112),
        6..=8 => 128 + random.below(896),
        _ => 1024 + random.below(7168),
    };
    random.of(&["a", "b", "c"]).repeat(length)
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
            clients.map(|client| (client.number, client.values))
        });
        for (number, values) in clients {
            assert!((KEYS * 3 / 4..KEYS * 9 / 10).contains(&values.iter().flatten().count()));
            for (key, value) in values.into_iter().enumerate() {
                assert_eq!(store.remove(&format!("client:{number}:item:{key}")).map(|(_, value)| value), value);
            }
        }
        assert!(store.is_empty());
    }

    #[test]
    fn commands_are_done_in_order() {
        let commands = "set a x y\nget a\nset a \nget a\ndelete a\ndelete a\nget a\nget\nput a\nset a\n";
        let expected = "STORED\nVALUE x y\nSTORED\nVALUE \nDELETED\nNOT_FOUND\nNOT_FOUND\nERROR\nERROR\nERROR\n";
        assert_eq!(replies(&Store::new(), commands), expected);
    }
}
