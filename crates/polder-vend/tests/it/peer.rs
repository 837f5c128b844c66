//! A service on a loopback port that answers what it is told to, and keeps what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The service.
pub(crate) struct Peer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Answers each request with the first answer whose path begins the request's, as (path, status, body).
    pub(crate) async fn new(answers: Vec<(&'static str, u16, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (asked.clone(), Arc::new(answers));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, kept.clone(), answers.clone()));
            }
        });
        Self { url, asked }
    }

    /// The requests so far: first lines, headers and bodies.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, asked: Arc<Mutex<Vec<String>>>, answers: Arc<Vec<(&'static str, u16, String)>>) {
    let mut text = String::new();
    let mut buffer = vec![0; 65536];
    loop {
        let count = socket.read(&mut buffer).await.unwrap();
        if count == 0 {
            return;
        }
        text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            break;
        }
    }
    let path = text.split(' ').nth(1).unwrap().to_owned();
    asked.lock().unwrap().push(text);
    let (_, status, body) = answers.iter().find(|(start, ..)| path.starts_with(start)).expect("an answer for each request");
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    socket.write_all(answer.as_bytes()).await.unwrap();
}
