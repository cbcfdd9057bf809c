//! The packets of Socket.IO protocol 5, as text; binary ones are not taken.

use shared::json::{self, Json};

/// The namespace that everything here happens in.
pub const MAIN: &str = "/";
/// The longest acknowledgement id, in digits: what JavaScript can count.
const ID_DIGITS: usize = 16;

/// A packet from a client, and the namespace it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    /// `/`, or another that starts with a slash.
    pub namespace: String,
    /// What it says.
    pub says: Says,
}

/// What a packet of a client says.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    /// Let me in; with the `auth` object, `null` where there is none.
    Connect(Json),
    /// I leave the namespace.
    Disconnect,
    /// An event.
    Event {
        /// Where an acknowledgement is wanted: its id.
        id: Option<u64>,
        /// The event's name.
        name: String,
        /// Its arguments.
        arguments: Vec<Json>,
    },
    /// An answer to one of our events; we ask for none.
    Ack,
}

/// Why a text is not a packet that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// The text is empty, or its type is none that a client sends.
    #[error("the packet's type is not one that a client sends")]
    Type,
    /// Binary attachments.
    #[error("binary packets are not taken")]
    Binary,
    /// The acknowledgement id is too long.
    #[error("the acknowledgement id is too long")]
    Id,
    /// The rest is not JSON of the right shape.
    #[error("the packet's payload cannot be read")]
    Payload,
}

/// Reads a packet: `type [namespace ","] [id] [JSON]`.
///
/// # Errors
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Packet, PacketError> {
    let mut characters = text.chars();
    let kind = characters.next().ok_or(PacketError::Type)?;
    let mut rest = characters.as_str();
    let mut namespace = MAIN.to_owned();
    if rest.starts_with('/') {
        let (named, after) = rest.split_once(',').unwrap_or((rest, ""));
        // A query after the namespace is from older clients and means nothing.
        namespace = named.split('?').next().unwrap_or(MAIN).to_owned();
        rest = after;
    }
    let says = match kind {
        '0' => Says::Connect(if rest.is_empty() { Json::Null } else { payload(rest)? }),
        '1' => Says::Disconnect,
        '2' => event(rest)?,
        '3' => Says::Ack,
        '5' | '6' => return Err(PacketError::Binary),
        _ => return Err(PacketError::Type),
    };
    if matches!(&says, Says::Connect(auth) if !auth.is_null() && auth.as_object().is_none()) {
        return Err(PacketError::Payload);
    }
    Ok(Packet { namespace, says })
}

fn payload(text: &str) -> Result<Json, PacketError> {
    json::parse(text).map_err(|_| PacketError::Payload)
}

fn event(rest: &str) -> Result<Says, PacketError> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, text) = rest.split_at_checked(digits).ok_or(PacketError::Payload)?;
    if id.len() > ID_DIGITS {
        return Err(PacketError::Id);
    }
    let id = if id.is_empty() { None } else { Some(id.parse().map_err(|_| PacketError::Id)?) };
    let Json::Array(items) = payload(text)? else { return Err(PacketError::Payload) };
    let mut items = items.into_iter();
    let Some(Json::String(name)) = items.next() else { return Err(PacketError::Payload) };
    Ok(Says::Event { id, name, arguments: items.collect() })
}

/// The answer to a CONNECT; with a `pid` the client recovers its state after a break.
pub fn connected(sid: &str, pid: Option<&str>) -> String {
    let mut body: Json = [("sid", Json::from(sid))].into_iter().collect();
    if let Some(pid) = pid {
        body.set("pid", Json::from(pid));
    }
    format!("0{}", body.to_text())
}

/// CONNECT_ERROR: the client gives up and does not come back by itself.
pub fn refused(namespace: &str, message: &str, code: &str) -> String {
    let data: Json = [("code", Json::from(code))].into_iter().collect();
    let body: Json = [("message", Json::from(message)), ("data", data)].into_iter().collect();
    let place = if namespace == MAIN { String::new() } else { format!("{namespace},") };
    format!("4{place}{}", body.to_text())
}

/// An acknowledgement with one argument.
pub fn ack(id: u64, argument: &Json) -> String {
    format!("3{id}[{}]", argument.to_text())
}

/// An event with one argument, as far as it is the same for everybody: [`finish`] ends it.
pub fn event_start(name: &str, argument: &str) -> String {
    format!("2[{},{argument}", Json::from(name).to_text())
}

/// Ends what [`event_start`] began, with an offset as the last argument where there is one.
pub fn finish(start: &str, offset: Option<&str>) -> String {
    match offset {
        // An offset is of base64url and dots, which JSON need not escape.
        Some(offset) => format!("{start},\"{offset}\"]"),
        None => format!("{start}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Json {
        shared::json::parse(text).unwrap()
    }

    fn event(id: Option<u64>, name: &str, arguments: &[&str]) -> Says {
        Says::Event { id, name: name.to_owned(), arguments: arguments.iter().map(|t| json(t)).collect() }
    }

    #[test]
    fn packets_as_the_stock_client_writes_them_are_read() {
        let main = |text: &str| {
            let packet = parse(text).unwrap();
            assert_eq!(packet.namespace, "/");
            packet.says
        };
        assert_eq!(main("0"), Says::Connect(Json::Null));
        assert_eq!(main(r#"0{"token":"x"}"#), Says::Connect(json(r#"{"token":"x"}"#)));
        assert_eq!(main("1"), Says::Disconnect);
        assert_eq!(main(r#"2["subscribe","staging"]"#), event(None, "subscribe", &[r#""staging""#]));
        assert_eq!(main(r#"212["subscribe",{"a":1.0}]"#), event(Some(12), "subscribe", &[r#"{"a":1.0}"#]));
        assert_eq!(main(r#"2["nothing"]"#), event(None, "nothing", &[]));
        assert_eq!(main("30[]"), Says::Ack);
    }

    #[test]
    fn another_namespace_is_told_apart() {
        let packet = parse("0/admin,{\"token\":\"x\"}").unwrap();
        assert_eq!(packet.namespace, "/admin");
        assert_eq!(packet.says, Says::Connect(json(r#"{"token":"x"}"#)));
        assert_eq!(parse("0/admin?x=1,").unwrap().namespace, "/admin");
        assert_eq!(parse("1/admin").unwrap().namespace, "/admin");
    }

    #[test]
    fn what_is_not_a_packet_is_refused() {
        for (text, error) in [
            ("", PacketError::Type),
            ("4{}", PacketError::Type),
            ("9", PacketError::Type),
            ("é", PacketError::Type),
            ("51-[\"x\",{\"_placeholder\":true,\"num\":0}]", PacketError::Binary),
            ("2", PacketError::Payload),
            ("2{}", PacketError::Payload),
            ("2[]", PacketError::Payload),
            ("2[1]", PacketError::Payload),
            ("2[\"a\"", PacketError::Payload),
            ("0[]", PacketError::Payload),
            ("0\"x\"", PacketError::Payload),
            ("212345678901234567[\"a\"]", PacketError::Id),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn what_we_send_is_what_the_stock_client_reads() {
        assert_eq!(connected("s", None), r#"0{"sid":"s"}"#);
        assert_eq!(connected("s", Some("p")), r#"0{"sid":"s","pid":"p"}"#);
        assert_eq!(
            refused("/", "unauthorized", "unauthenticated"),
            r#"4{"message":"unauthorized","data":{"code":"unauthenticated"}}"#
        );
        assert!(refused("/admin", "m", "c").starts_with("4/admin,{"));
        assert_eq!(ack(7, &json(r#"{"ok":true}"#)), r#"37[{"ok":true}]"#);
        let start = event_start("flag:updated", r#"{"flagKey":"a"}"#);
        assert_eq!(finish(&start, None), r#"2["flag:updated",{"flagKey":"a"}]"#);
        assert_eq!(finish(&start, Some("1.2.x")), r#"2["flag:updated",{"flagKey":"a"},"1.2.x"]"#);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_fail(text in ".{0,60}", kind in "[0-6]") {
            let _ = parse(&text);
            let _ = parse(&format!("{kind}{text}"));
        }
    }
}
