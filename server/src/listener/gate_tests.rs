//! The gate as a table: what goes in, what the parser behind it gets.

use super::*;

/// Feeds the whole text, and then byte by byte, which has to give the same.
fn pass(text: &str) -> (String, Option<String>, State) {
    let run = |pieces: Vec<&[u8]>| {
        let (mut gate, mut input, mut output) = (Gate::default(), BytesMut::new(), BytesMut::new());
        for piece in pieces {
            input.extend_from_slice(piece);
            gate.feed(&mut input, &mut output);
        }
        let text = String::from_utf8(output.to_vec()).expect("text");
        (text, gate.upgrade.clone(), gate.state)
    };
    let whole = run(vec![text.as_bytes()]);
    let bytewise = run(text.as_bytes().chunks(1).collect());
    assert_eq!(whole, bytewise, "{text:?}");
    whole
}

const GET: &str = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn ordinary_messages_pass_unchanged() {
    for text in [
        GET,
        &format!("{GET}{GET}"),
        "GET / HTTP/1.0\r\n\r\n",
        &format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345{GET}"),
        &format!(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n{GET}"
        ),
    ] {
        assert_eq!(pass(text), (text.to_owned(), None, State::Head));
    }
}

#[test]
fn half_a_head_is_held_back() {
    let (output, _, state) = pass(&format!("{GET}GET /b HTTP/1.1\r\nHost"));
    assert_eq!((output.as_str(), state), (GET, State::Head));
}

#[test]
fn upgrades_are_rewritten_and_then_everything_passes() {
    let head = |upgrade: &str, extra: &str| {
        format!(
            "POST /exec HTTP/1.1\r\nHost: h\r\n{extra}Connection: keep-alive, Upgrade\r\nUpgrade: {upgrade}\r\n\r\n"
        )
    };
    let passed = "POST /exec HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    for (upgrade, extra) in [("SPDY/3.1", ""), ("websocket", ""), ("SPDY/3.1", "Content-Length: 0\r\n")] {
        let raw = "\u{1}GET / HTTP/1.1\r\nUpgrade: forged\r\n\r\n";
        let (output, protocol, state) = pass(&format!("{GET}{}{raw}", head(upgrade, extra)));
        assert_eq!(output, format!("{GET}{passed}{raw}"));
        assert_eq!((protocol.as_deref(), state), (Some(upgrade), State::Raw));
    }
}

#[test]
fn upgrades_that_are_none_lose_the_header() {
    for (head, passed) in [
        ("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: HTTP2-Settings\r\n\r\n",
        ),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nContent-Length: 1\r\nConnection: Upgrade, close\r\n\r\na",
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\na",
        ),
        ("GET / HTTP/1.0\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: x\r\nUpgrade: y\r\nConnection: Upgrade\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        ),
    ] {
        assert_eq!(pass(head), (passed.to_owned(), None, State::Head));
    }
}

#[test]
fn smuggling_shapes_are_refused() {
    let request = |lines: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n");
    let chunked = |body: &str| format!("{}{body}", request("Transfer-Encoding: chunked"));
    let rows = [
        request("Content-Length: 5\r\nContent-Length: 6"),
        request("Content-Length: 5\r\nContent-Length: 5"),
        request("Content-Length: 5\r\nTransfer-Encoding: chunked"),
        request("Transfer-Encoding: chunked\r\nContent-Length: 5"),
        request("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        request("Transfer-Encoding: gzip, chunked"),
        request("Transfer-Encoding: xchunked"),
        request("Transfer-Encoding : chunked"),
        request("Transfer-Encoding: identity"),
        request("Content-Length: +5"),
        request("Content-Length: -1"),
        request("Content-Length: 0x5"),
        request("Content-Length: 5,5"),
        request("Content-Length: "),
        request("Content-Length: 99999999999999999999"),
        request("X: y\r\n folded"),
        request("Host: other"),
        request("no colon"),
        request("X\u{1}: y"),
        request("X: y\rz"),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n".to_owned(),
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}garbage\n".to_owned(),
        chunked("\r\n"),
        chunked("g\r\n"),
        chunked("1\nx\r\n"),
        chunked("1\r\nxy\r\n"),
        chunked("-1\r\n"),
        chunked("0x1\r\n"),
        chunked("ffffffffffffffff1\r\n"),
        chunked("1;a\nb\r\nx"),
        chunked("0\r\nTrailer: x\r\n\r\n"),
    ];
    for text in rows {
        let (output, _, state) = pass(&format!("{text}{GET}"));
        assert_eq!(state, State::Closed, "{text:?}");
        assert!(output.ends_with("\0\r\n\r\n"), "{text:?} gave {output:?}");
        assert!(!output.contains("/a HTTP"), "{text:?} let the next request pass");
    }
}

#[test]
fn a_head_without_end_is_let_through_for_the_parser_to_refuse() {
    let (mut gate, mut input, mut output) = (Gate::default(), BytesMut::new(), BytesMut::new());
    input.extend_from_slice(b"GET / HTTP/1.1\r\nX: ");
    input.resize(MAX_HEAD_BYTES - 1, b'x');
    gate.feed(&mut input, &mut output);
    assert!(output.is_empty());
    input.extend_from_slice(b"x");
    gate.feed(&mut input, &mut output);
    assert_eq!((output.len(), gate.is_closed()), (MAX_HEAD_BYTES, true));
}

/// Requests with random bytes changed, dropped and doubled: nothing panics, and how the bytes are cut makes no
/// difference ([`pass`] checks that).
#[test]
fn mutations_neither_panic_nor_depend_on_how_bytes_arrive() {
    let seeds = [
        format!("{GET}POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n{GET}"),
        format!("POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nabcdefghijkl{GET}"),
        "GET /c HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nraw".to_owned(),
    ];
    let mut state = 0x9e37_79b9_u32;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    let spice = b"\r\n :;,0aG\0\x7f+-\tUu";
    let mut refused = 0;
    for round in 0..30_000 {
        let mut bytes = seeds[round % seeds.len()].clone().into_bytes();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = spice[random(spice.len())],
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, spice[random(spice.len())]),
                _ => {
                    let end = (at + 1 + random(40)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        let text = String::from_utf8(bytes).expect("spice is ASCII");
        let (output, _, state) = pass(&text);
        refused += usize::from(state == State::Closed);
        assert_eq!(output.ends_with("\0\r\n\r\n"), state == State::Closed || text.ends_with("\0\r\n\r\n"), "{text:?}");
    }
    assert!((3_000..29_000).contains(&refused), "the mutations are neither harmless nor fatal: {refused}");
}
