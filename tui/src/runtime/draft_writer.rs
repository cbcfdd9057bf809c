//! Writes drafts to disk in a thread of its own: a disk that is slow does not slow the typing.

use super::Post;
use crate::drafts;
use crate::effect::Draft;
use crate::message::Message;
use crate::route::Document;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// The draft of a document as it has to be: none for no draft.
type Wanted = (PathBuf, Document, Option<Box<Draft>>);

/// Keeps the drafts of the profile that is connected.
#[derive(Debug)]
pub struct DraftWriter {
    state: PathBuf,
    folder: Option<PathBuf>,
    post: Post,
    wanted: Option<Sender<Wanted>>,
    thread: Option<JoinHandle<()>>,
}

impl DraftWriter {
    /// Nothing is kept before a profile is chosen; `state` is the program's state folder.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(state: &Path, post: Post) -> std::io::Result<Self> {
        let (wanted, orders) = channel();
        let told = post.clone();
        let thread =
            std::thread::Builder::new().name("drafts".to_owned()).spawn(move || follow(&orders, &told))?;
        Ok(Self { state: state.to_owned(), folder: None, post, wanted: Some(wanted), thread: Some(thread) })
    }

    /// From now on drafts are those of this profile and project, or nobody's; tells which there are.
    pub fn turn_to(&mut self, profile: Option<(&str, &str)>) {
        self.folder = profile.map(|(profile, project)| drafts::folder(&self.state, profile, project));
        let Some(folder) = &self.folder else { return };
        let found = match drafts::load_all(folder) {
            Ok((found, faults)) => {
                for fault in faults {
                    let _ = self.post.send(Message::Trouble(fault.to_string()));
                }
                found
            }
            Err(error) => {
                let _ = self.post.send(Message::Trouble(error.to_string()));
                Vec::new()
            }
        };
        let _ = self.post.send(Message::Drafts(found));
    }

    /// Keeps a draft; answered by `Message::DraftSaved` or `Message::DraftFailed`.
    pub fn save(&self, draft: Box<Draft>) {
        self.want(draft.document.clone(), Some(draft));
    }

    /// Takes a draft away.
    pub fn forget(&self, document: Document) {
        self.want(document, None);
    }

    fn want(&self, document: Document, draft: Option<Box<Draft>>) {
        match (&self.folder, &self.wanted) {
            (Some(folder), Some(wanted)) => {
                let _ = wanted.send((folder.clone(), document, draft));
            }
            _ if draft.is_some() => {
                let why = "drafts are off in the settings".to_owned();
                let _ = self.post.send(Message::DraftFailed(document, why));
            }
            _ => {}
        }
    }
}

impl Drop for DraftWriter {
    /// Waits until everything is on disk.
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn follow(orders: &Receiver<Wanted>, post: &Post) {
    while let Ok(first) = orders.recv() {
        // Of what came while the disk was busy, the last of each document is enough.
        let mut last: BTreeMap<(PathBuf, Document), Option<Box<Draft>>> = BTreeMap::new();
        for (folder, document, draft) in std::iter::once(first).chain(orders.try_iter()) {
            last.insert((folder, document), draft);
        }
        for ((folder, document), draft) in last {
            let done = match &draft {
                Some(draft) => drafts::save(&folder, draft),
                None => drafts::drop(&folder, &document),
            };
            let message = match (done, draft) {
                (Ok(()), Some(draft)) => Message::DraftSaved(document, draft.saved_at),
                (Ok(()), None) => continue,
                (Err(error), _) => Message::DraftFailed(document, error.to_string()),
            };
            let _ = post.send(message);
        }
    }
}
