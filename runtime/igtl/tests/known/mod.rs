//! The messages that `tests/peers/pack.cpp` packs, as this crate reads them.

use uniultra_igtl::{
    Content, Coordinates, Geometry, Image, Message, Metadata, Pixels, Point, PolyData, Status,
    Timestamp, Transform,
};

/// The geometry of all images: its numbers are exact in single precision.
fn geometry(coordinates: Coordinates) -> Geometry {
    let steps = [[0.0, 0.5, 0.0], [-0.25, 0.0, 0.0], [0.0, 0.0, 2.0]];
    Geometry { steps, center: [1.0, -2.0, 3.5], coordinates }
}

fn image(pixels: Pixels, coordinates: Coordinates) -> Content {
    Content::Image(Image { width: 3, height: 2, pixels, geometry: geometry(coordinates) })
}

pub(crate) fn points() -> Vec<Point> {
    vec![
        Point {
            name: "Cyst".into(),
            group: "Fiducial".into(),
            rgba: [255, 128, 0, 200],
            position: [1.5, -2.25, 0.0],
            diameter: 4.0,
            owner: "Probe 1".into(),
        },
        Point { name: "Nähe".into(), position: [0.1, 100.0, -7.0], ..Point::default() },
    ]
}

/// Every content that can be encoded.
pub(crate) fn contents() -> Vec<Content> {
    use Coordinates::{Lps, Ras};
    let labels = vec![0, 10, 20, 30, 40, 255];
    let rgb = (0..6).map(|i| [3 * i + 1, 3 * i + 2, if i == 5 { 255 } else { 3 * i + 3 }]);
    let poly_data = PolyData {
        points: vec![[0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 3.0, 0.5], [0.0, 3.0, 0.5]],
        lines: vec![vec![0, 1, 2, 3, 0], vec![1, 3]],
        polygons: vec![vec![0, 1, 2, 3]],
    };
    let status = Status {
        code: Status::BUSY,
        sub_code: -5,
        name: "Busy".into(),
        text: "a model is being loaded".into(),
    };
    vec![
        image(Pixels::Gray8(labels), Ras),
        image(Pixels::Signed8(vec![0, 1, 127, -128, -1, 2]), Lps),
        image(Pixels::Gray16(vec![0, 1, 256, 65535, 32768, 0x1234]), Lps),
        image(Pixels::Signed16(vec![0, 1, 256, -1, -32768, 0x1234]), Lps),
        image(Pixels::Rgb8(rgb.collect()), Lps),
        Content::Points(points()),
        Content::Text("segment".into()),
        Content::Text("Größe".into()),
        Content::Status(status),
        Content::Transform(Transform {
            columns: [[0., 1., 0.], [-1., 0., 0.], [0., 0., 1.]],
            translation: [10.0, -20.5, 30.25],
        }),
        Content::Capability(["IMAGE", "GET_CAPABIL", "TWELVE_BYTES"].map(String::from).to_vec()),
        Content::PolyData(poly_data),
        Content::GetStatus,
        Content::GetCapability,
    ]
}

/// A message with the header of the fixtures.
pub(crate) fn message(content: Content, extended: bool) -> Message {
    let message = Message::new("Probe 1", Timestamp(0x6553_f100_4000_0000), content);
    if !extended {
        return message;
    }
    let entry = |key: &str, value: &str| Metadata { key: key.into(), value: value.into() };
    message.extended(77, vec![entry("depth", "60 mm"), entry("probe", "Länge")])
}
