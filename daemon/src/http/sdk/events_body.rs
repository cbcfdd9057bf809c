//! The body of a payload of events: read, decompressed and bounded while it arrives.

use std::io::Write;

use axum::body::Body;
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt;

use super::refused::Refused;
use crate::usage::queue::Held;

/// How many bytes are decompressed before others have their turn: of the worst a few milliseconds.
const TURN: usize = 1_024;

/// A body.
pub enum Arrived {
    /// All of it, and what it holds of the memory for payloads.
    Whole(Vec<u8>, Held),
    /// It is gone: too much waits already, or nobody knows how to decompress it.
    Shed,
}

/// Why nothing more is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Full {
    /// It is larger than a payload may be.
    Large,
    /// All payloads together are.
    Busy,
}

/// Takes bytes up to a bound.
struct Bounded {
    bytes: Vec<u8>,
    most: usize,
    held: Held,
    full: Option<Full>,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + more.len() > self.most {
            self.full = Some(Full::Large);
        } else if !self.held.more(more.len()) {
            self.full = Some(Full::Busy);
        }
        if self.full.is_some() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

enum Sink {
    Plain(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Sink {
    fn bounded(&mut self) -> &mut Bounded {
        match self {
            Self::Plain(bounded) => bounded,
            Self::Gzip(decoder) => decoder.get_mut(),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(bounded) => bounded.write_all(bytes),
            Self::Gzip(decoder) => decoder.write_all(bytes),
        }
    }
}

/// Reads a body of at most `most` bytes, compressed or not.
///
/// # Errors
/// 413 where it is larger; 400, which SDKs repeat once, where it does not arrive or cannot be decompressed.
pub async fn arrive(
    headers: &HeaderMap,
    mut body: Body,
    held: Held,
    most: usize,
) -> Result<Arrived, Refused> {
    let too_large = || Refused::TooLarge(format!("a payload has at most {most} bytes, also decompressed"));
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase());
    let bounded = Bounded { bytes: Vec::new(), most, held, full: None };
    let mut sink = match encoding.as_deref() {
        None | Some(b"" | b"identity") => Some(Sink::Plain(bounded)),
        Some(b"gzip" | b"x-gzip") => Some(Sink::Gzip(Box::new(MultiGzDecoder::new(bounded)))),
        Some(_) => None,
    };
    let mut arrived = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Refused::Malformed("the body did not arrive".to_owned()))?;
        let Ok(data) = frame.into_data() else { continue };
        arrived = arrived.saturating_add(data.len());
        if arrived > most {
            return Err(too_large());
        }
        for piece in data.chunks(TURN) {
            let Some(open) = &mut sink else { break };
            if open.write(piece).is_err() {
                match open.bounded().full {
                    Some(Full::Large) => return Err(too_large()),
                    // The rest still arrives, so that the SDK hears that all is well.
                    Some(Full::Busy) => sink = None,
                    None => return Err(Refused::Malformed("the body is no gzip".to_owned())),
                }
            }
            if matches!(sink, Some(Sink::Gzip(_))) {
                tokio::task::consume_budget().await;
            }
        }
    }
    let bounded = match sink {
        None => return Ok(Arrived::Shed),
        Some(Sink::Plain(bounded)) => bounded,
        // Nothing at all is an empty body, compressed or not.
        Some(Sink::Gzip(decoder)) if arrived == 0 => {
            drop(decoder);
            return Err(Refused::Malformed("the body is empty".to_owned()));
        }
        Some(Sink::Gzip(mut decoder)) => {
            let ended = decoder.try_finish();
            match (ended, decoder.get_ref().full) {
                (_, Some(Full::Large)) => return Err(too_large()),
                (_, Some(Full::Busy)) => return Ok(Arrived::Shed),
                (Err(_), None) => return Err(Refused::Malformed("the body ends too early".to_owned())),
                (Ok(()), None) => {}
            }
            match decoder.finish() {
                Ok(bounded) => bounded,
                Err(_) => return Err(Refused::Malformed("the body ends too early".to_owned())),
            }
        }
    };
    Ok(Arrived::Whole(bounded.bytes, bounded.held))
}
