//! Writes files as `torch.save` and the programs around it do, in every form that people have.
#![allow(
    clippy::expect_used,
    reason = "a test helper fails its test by panicking with what it could not do"
)]

use std::collections::HashMap;
use std::io::{Cursor, Write};
use uniultra_checkpoint::Tensor;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// A Python object of a checkpoint.
#[derive(Clone, Debug)]
pub enum Object {
    /// An integer.
    Int(i32),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Object>),
    /// A dict with any keys.
    Dict(Vec<(Object, Object)>),
    /// An `OrderedDict`, as `state_dict()` returns it.
    Ordered(Vec<(String, Object)>),
    /// A tensor of `torch.float32`.
    Floats(Tensor),
    /// An `nn.Parameter` of `torch.float32`.
    Parameter(Tensor),
    /// A tensor of ones of another type, by its storage's class and bytes of an element, e.g.
    /// `LongStorage` and 8.
    Ones(&'static str, usize, Vec<usize>),
    /// An object that [`Object::Again`] can refer to, by any number.
    Shared(u32, Box<Object>),
    /// The object of that number, once more.
    Again(u32),
}

impl Object {
    /// A dict with texts as keys.
    #[must_use]
    pub fn dict(items: Vec<(&str, Object)>) -> Self {
        Self::Dict(items.into_iter().map(|(key, value)| (Self::Text(key.into()), value)).collect())
    }
}

/// How the archive is packed.
#[derive(Clone, Debug)]
pub struct Packing {
    /// The pickle's protocol, 2 to 5.
    pub protocol: u8,
    /// The entries' folder with its slash, or nothing.
    pub folder: String,
    /// Whether entries are compressed.
    pub deflated: bool,
}

impl Default for Packing {
    fn default() -> Self {
        Self { protocol: 2, folder: "archive/".into(), deflated: false }
    }
}

/// The bytes of the file.
///
/// # Panics
/// If the zip writer fails, which in memory it does not.
#[must_use]
pub fn archive(object: &Object, packing: &Packing) -> Vec<u8> {
    let mut pickler = Pickler { protocol: packing.protocol, ..Pickler::default() };
    pickler.object(object);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let method =
        if packing.deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let options = SimpleFileOptions::default().compression_method(method);
    let mut entry = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("{}{name}", packing.folder), options).expect("a new entry");
        zip.write_all(bytes).expect("memory takes it");
    };
    entry("data.pkl", &pickler.finished());
    entry("byteorder", b"little");
    for (key, (_, storage)) in pickler.storages.iter().enumerate() {
        entry(&format!("data/{key}"), storage);
    }
    entry("version", b"3\n");
    zip.finish().expect("memory takes it").into_inner()
}

/// The bytes of a file as `torch.save` wrote them before PyTorch 1.6.
#[must_use]
pub fn legacy(object: &Object, protocol: u8) -> Vec<u8> {
    let pickled = |fill: &dyn Fn(&mut Pickler)| {
        let mut pickler = Pickler { protocol, legacy: true, ..Pickler::default() };
        fill(&mut pickler);
        pickler
    };
    let magic = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
    let content = pickled(&|pickler| pickler.object(object));
    let mut keys: Vec<_> = (0..content.storages.len()).map(|key| key.to_string()).collect();
    // As texts, which puts 10 before 2.
    keys.sort();
    let listed = Object::List(keys.iter().cloned().map(Object::Text).collect());
    let machine = pickled(&|pickler| {
        pickler.bytes.extend(b"}(");
        pickler.text("little_endian");
        pickler.bytes.extend([0x88, b'u']);
    });
    let mut file = [
        pickled(&|pickler| pickler.bytes.extend(magic)).finished(),
        pickled(&|pickler| pickler.int(1001)).finished(),
        machine.finished(),
        content.finished(),
        pickled(&|pickler| pickler.object(&listed)).finished(),
    ]
    .concat();
    for key in keys {
        let (count, storage) = &content.storages[key.parse::<usize>().expect("a key")];
        file.extend((*count as u64).to_le_bytes());
        file.extend(storage);
    }
    file
}

#[derive(Default)]
struct Pickler {
    protocol: u8,
    /// Whether references to storages say what part of another storage they are.
    legacy: bool,
    bytes: Vec<u8>,
    /// Slots of shared objects by their number.
    shared: HashMap<u32, u32>,
    slots: u32,
    /// The number of elements and the bytes of each.
    storages: Vec<(usize, Vec<u8>)>,
}

impl Pickler {
    fn finished(&self) -> Vec<u8> {
        let mut pickle = vec![0x80, self.protocol];
        if self.protocol >= 4 {
            pickle.push(0x95);
            pickle.extend((self.bytes.len() as u64 + 1).to_le_bytes());
        }
        pickle.extend(&self.bytes);
        pickle.push(b'.');
        pickle
    }

    fn object(&mut self, object: &Object) {
        match object {
            Object::Int(value) => self.int(*value),
            Object::Text(text) => self.text(text),
            Object::List(items) => {
                self.bytes.push(b']');
                self.memoize();
                self.bytes.push(b'(');
                items.iter().for_each(|item| self.object(item));
                self.bytes.push(b'e');
            }
            Object::Dict(items) => {
                self.bytes.push(b'}');
                self.memoize();
                self.entries(items.iter().map(|(key, value)| (key.clone(), value)));
            }
            Object::Ordered(items) => {
                self.ordered_dict();
                self.entries(items.iter().map(|(key, value)| (Object::Text(key.clone()), value)));
            }
            Object::Floats(tensor) => self.floats(tensor),
            Object::Parameter(tensor) => {
                self.global("torch._utils", "_rebuild_parameter");
                self.floats(tensor);
                self.bytes.push(0x88);
                self.ordered_dict();
                self.bytes.extend([0x87, b'R']);
            }
            Object::Ones(class, size, shape) => {
                let count = shape.iter().product::<usize>();
                let one: Vec<u8> = (0..*size).map(|place| u8::from(place == 0)).collect();
                self.tensor(class, shape, one.repeat(count));
            }
            Object::Shared(number, object) => {
                // The pickler remembers an object as soon as it exists, before it is filled.
                self.shared.insert(*number, self.slots);
                self.object(object);
            }
            Object::Again(number) => {
                let slot = self.shared[number];
                self.bytes.push(b'j');
                self.bytes.extend(slot.to_le_bytes());
            }
        }
    }

    fn entries<'a>(&mut self, items: impl Iterator<Item = (Object, &'a Object)>) {
        self.bytes.push(b'(');
        for (key, value) in items {
            self.object(&key);
            self.object(value);
        }
        self.bytes.push(b'u');
    }

    fn ordered_dict(&mut self) {
        // The slot of a shared object is the dict's: its class takes none here.
        self.global("collections", "OrderedDict");
        self.bytes.extend([b')', b'R']);
        self.memoize();
    }

    fn floats(&mut self, tensor: &Tensor) {
        let bytes = tensor.data().iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensor("FloatStorage", tensor.shape(), bytes);
    }

    fn tensor(&mut self, class: &str, shape: &[usize], bytes: Vec<u8>) {
        let count = shape.iter().product::<usize>();
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.bytes.extend(b"((");
        self.text("storage");
        self.global("torch", class);
        self.text(&self.storages.len().to_string());
        self.text("cpu");
        self.size(count);
        if self.legacy {
            self.bytes.push(b'N');
        }
        self.bytes.extend([b't', b'Q', b'K', 0]);
        self.bytes.push(b'(');
        shape.iter().for_each(|length| self.size(*length));
        self.bytes.extend(b"t(");
        (1..=shape.len()).for_each(|axis| self.size(shape[axis..].iter().product()));
        self.bytes.extend([b't', 0x89]);
        self.ordered_dict();
        self.bytes.extend([b't', b'R']);
        self.storages.push((count, bytes));
    }

    fn size(&mut self, value: usize) {
        self.int(i32::try_from(value).expect("a small tensor"));
    }

    fn int(&mut self, value: i32) {
        self.bytes.push(b'J');
        self.bytes.extend(value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(length) if self.protocol >= 4 => self.bytes.extend([0x8c, length]),
            _ => {
                self.bytes.push(b'X');
                self.bytes.extend((text.len() as u32).to_le_bytes());
            }
        }
        self.bytes.extend(text.as_bytes());
    }

    fn global(&mut self, module: &str, name: &str) {
        if self.protocol >= 4 {
            self.text(module);
            self.text(name);
            self.bytes.push(0x93);
        } else {
            self.bytes.extend(format!("c{module}\n{name}\n").into_bytes());
        }
    }

    fn memoize(&mut self) {
        if self.protocol >= 4 {
            self.bytes.push(0x94);
        } else {
            self.bytes.push(b'r');
            self.bytes.extend(self.slots.to_le_bytes());
        }
        self.slots += 1;
    }
}
