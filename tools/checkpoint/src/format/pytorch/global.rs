//! The Python names that a checkpoint may use.
//!
//! Nothing is imported or called, whatever the name. Names outside this list are refused all the
//! same: such a file holds a whole model or something hostile, and no state dict to read.

/// A Python object that a pickle names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Global {
    /// A class whose instances are dicts.
    Dict,
    /// `_rebuild_tensor` and its later versions: a view of a storage.
    RebuildTensor,
    /// `_rebuild_parameter` and its like: the first argument is the tensor.
    RebuildParameter,
    /// `_rebuild_from_type_v2`: a function of this list, a type and the function's arguments.
    RebuildFromType,
    /// A tensor that is more than a view of a storage: sparse, quantized, without data.
    RebuildOther(String),
    /// `torch.FloatStorage` and its like; the name without `torch.`.
    Storage(String),
    /// An element type such as `torch.uint16`, without `torch.`.
    DType(String),
    /// A class whose instances hold settings, times or numbers beside the tensors.
    Beside,
}

/// Classes of Python itself that hold settings, times and numbers.
const BESIDE: [(&str, &[&str]); 16] = [
    ("torch", &["Size", "device", "Tensor", "Generator"]),
    ("torch._tensor", &["Tensor"]),
    ("torch.nn.parameter", &["Parameter", "Buffer"]),
    ("collections", &["deque"]),
    ("builtins", BUILTINS),
    ("__builtin__", BUILTINS),
    ("numpy", &["dtype", "ndarray", "float64", "float32", "int64", "int32", "bool_"]),
    ("numpy.core.multiarray", &["scalar", "_reconstruct"]),
    ("numpy._core.multiarray", &["scalar", "_reconstruct"]),
    ("_codecs", &["encode"]),
    ("copyreg", &["_reconstructor"]),
    ("copy_reg", &["_reconstructor"]),
    ("argparse", &["Namespace"]),
    ("types", &["SimpleNamespace"]),
    ("typing", &["Any"]),
    ("datetime", &["datetime", "date", "time", "timedelta", "timezone"]),
];

const BUILTINS: &[&str] = &[
    "set",
    "frozenset",
    "list",
    "tuple",
    "int",
    "float",
    "bool",
    "str",
    "bytes",
    "bytearray",
    "complex",
    "object",
    "slice",
    "range",
];

/// Packages of settings and training loops: the module, or its beginning up to a point.
const BESIDE_PACKAGES: [&str; 9] = [
    "pathlib",
    "omegaconf",
    "yacs",
    "easydict",
    "addict",
    "ml_collections",
    "mmengine",
    "pytorch_lightning",
    "lightning",
];

impl Global {
    /// The object that a pickle names; `None` for one that no checkpoint needs.
    pub(super) fn find(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("collections", "OrderedDict" | "defaultdict" | "Counter")
            | ("builtins" | "__builtin__", "dict") => Some(Self::Dict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
                Some(Self::RebuildTensor)
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Some(Self::RebuildParameter)
            }
            ("torch._tensor", "_rebuild_from_type_v2") => Some(Self::RebuildFromType),
            ("torch._utils", other) if other.starts_with("_rebuild_") => {
                Some(Self::RebuildOther(other.to_string()))
            }
            ("torch" | "torch.storage" | "torch.cuda", name) if name.ends_with("Storage") => {
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                plain.then(|| Self::Storage(name.to_string()))
            }
            ("torch", name) if is_dtype(name) => Some(Self::DType(name.to_string())),
            _ => is_beside(module, name).then_some(Self::Beside),
        }
    }
}

/// `float32`, `bfloat16`, `uint8`, `complex64`, `float8_e4m3fn`, `bool` and the like.
fn is_dtype(name: &str) -> bool {
    let kinds = ["float", "bfloat", "int", "uint", "complex", "qint", "quint", "bits"];
    name == "bool"
        || kinds.iter().any(|kind| {
            name.strip_prefix(kind)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
}

fn is_beside(module: &str, name: &str) -> bool {
    let package = module.split('.').next().unwrap_or_default();
    BESIDE.iter().any(|(of, names)| *of == module && names.contains(&name))
        || BESIDE_PACKAGES.contains(&package) && name.chars().next().is_some_and(char::is_uppercase)
}
