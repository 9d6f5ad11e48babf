//! What the encoder refuses, by name: it writes nothing that its decoder would not read.

use uniultra_igtl::{
    Content, Coordinates, Geometry, Image, Message, Metadata, Pixels, Point, PolyData, Status,
    Timestamp, Transform, limits,
};

fn error(message: &Message) -> String {
    message
        .encode()
        .map_or_else(|error| error.to_string(), |bytes| format!("{} bytes", bytes.len()))
}

fn error_of(content: Content) -> String {
    error(&Message::new("Probe", Timestamp::UNUSED, content))
}

#[test]
fn headers_have_to_fit() {
    let named = |name: &str| Message::new(name, Timestamp::UNUSED, Content::GetStatus);
    assert_eq!(error(&named("12345678901234567890")), "58 bytes");
    assert_eq!(
        error(&named("123456789012345678901")),
        "GET_STATUS: device name: expected at most 20 bytes, found 21 bytes"
    );
    assert_eq!(error(&named("a\0b")), "GET_STATUS: device name: expected ASCII, found \"a\\x00b\"");
    assert!(error(&named("ä")).ends_with("expected ASCII, found \"\\xc3\\xa4\""));
    let mut wrong = named("Probe");
    wrong.header.type_name = "IMAGE".into();
    assert_eq!(error(&wrong), "IMAGE: type: expected GET_STATUS, found IMAGE");
    let mut wrong = named("Probe");
    wrong.header.message_id = 3;
    assert_eq!(
        error(&wrong),
        "GET_STATUS: plain form: expected no message id or metadata, found id 3 and 0 metadata"
    );
    let other = error_of(Content::Other { body_bytes: 0 });
    assert_eq!(other, "OTHER: content: expected one of a known type, found another");
}

#[test]
fn metadata_have_to_fit() {
    let with = |count: usize, key: usize, value: usize| {
        let entry = Metadata { key: "k".repeat(key), value: "v".repeat(value) };
        let message = Message::new("Probe", Timestamp::UNUSED, Content::GetStatus);
        error(&message.extended(1, vec![entry; count]))
    };
    assert_eq!(with(128, 1, 1), "1352 bytes");
    assert!(with(129, 1, 1).ends_with("number of metadata: expected at most 128, found 129"));
    assert_eq!(with(1, 0, 65526), "65606 bytes");
    assert!(with(1, 0, 65527).ends_with("bytes of metadata: expected at most 65536, found 65537"));
}

#[test]
fn contents_have_to_fit() {
    let points = vec![Point::default(); limits::MAX_POINTS + 1];
    assert_eq!(
        error_of(Content::Points(points)),
        "POINT: points: expected at most 1024, found 1025"
    );
    let name = |name: &str| Content::Points(vec![Point { name: name.into(), ..Point::default() }]);
    assert!(
        error_of(name("a\0b")).ends_with("name: expected text without a zero, found \"a\\x00b\"")
    );
    assert!(error_of(name(&"ä".repeat(33))).ends_with("expected at most 64 bytes, found 66 bytes"));
    let text = Content::Text("x".repeat(65536));
    assert_eq!(error_of(text), "STRING: length: expected at most 65535, found 65536");
    let status =
        |text: String| Content::Status(Status { code: Status::OK, text, ..Status::default() });
    assert!(
        error_of(status("x".repeat(4097))).ends_with("text: expected at most 4096, found 4097")
    );
    assert!(error_of(status("\0".into())).contains("without a zero"));
    let transform = Transform { translation: [0.0, f32::INFINITY, 0.0], ..Transform::IDENTITY };
    let transform = Content::Transform(transform);
    assert_eq!(error_of(transform), "TRANSFORM: matrix: expected a finite number, found inf");
    let names =
        |names: &[&str]| Content::Capability(names.iter().map(ToString::to_string).collect());
    assert!(error_of(names(&["IMAGE", ""])).contains("type name: expected a name in ASCII"));
    assert!(error_of(names(&["THIRTEEN_BYTE"])).ends_with("at most 12 bytes, found 13 bytes"));
}

#[test]
fn images_and_outlines_have_to_fit() {
    let geometry = Geometry::flat([0.5, 0.25], [3, 2], Coordinates::Lps);
    let image = |width, height, count| {
        let pixels = Pixels::Gray8(vec![0; count]);
        error_of(Content::Image(Image { width, height, pixels, geometry }))
    };
    assert_eq!(image(8192, 1, 8192), "8322 bytes");
    assert_eq!(image(8193, 1, 8193), "IMAGE: width: expected 1 to 8192, found 8193");
    assert_eq!(image(3, 0, 0), "IMAGE: height: expected 1 to 8192, found 0");
    assert_eq!(image(3, 2, 5), "IMAGE: pixels: expected 6, found 5");

    let outline = |count: usize| vec![[1.0; 3]; count];
    let lines = |counts: &[usize]| {
        error_of(Content::PolyData(PolyData::closed_lines(
            counts.iter().map(|&count| outline(count)),
        )))
    };
    assert_eq!(lines(&[65536]), "1048682 bytes");
    assert_eq!(lines(&[65536, 1]), "POLYDATA: points: expected at most 65536, found 65537");
    assert_eq!(lines(&[0]), "98 bytes");
    assert_eq!(lines(&[1; 4097]), "POLYDATA: lines: expected at most 4096, found 4097");
    let filled = PolyData::filled([outline(2)]);
    let filled = error_of(Content::PolyData(filled));
    assert_eq!(filled, "POLYDATA: polygons: expected at least 3 points, found 2");
    let missing = PolyData { lines: vec![vec![0, 1]], ..PolyData::filled([outline(1)]) };
    let missing = PolyData { polygons: Vec::new(), ..missing };
    let missing = error_of(Content::PolyData(missing));
    assert_eq!(missing, "POLYDATA: lines: expected indices of 1 points, found 1");
}
