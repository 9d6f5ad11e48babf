//! Model packs, from `uniultra-manifest`, and the engine's options.

/// A model pack, in a folder or in memory.
///
/// ```
/// use uniultra::Pack;
///
/// let pack = Pack::open("../../models/uniultra-mini".as_ref())?;
/// assert_eq!(pack.manifest().model.precision.to_string(), "f32");
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_manifest::Pack;

/// The manifest of a pack: version, input size, licence, purpose.
///
/// ```
/// let manifest = uniultra::embedded_pack()?.manifest().clone();
/// assert_eq!(manifest.model.image_size, 512);
/// assert!(!manifest.provenance.licence.is_empty());
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_manifest::Manifest;

/// The error behind an [`Error`](crate::Error) about a pack that was refused.
///
/// ```
/// use uniultra::{ManifestError, Pack};
///
/// let error = Pack::from_bytes(b"nonsense", vec![], vec![]).unwrap_err();
/// assert!(matches!(error, ManifestError::Toml(_)));
/// ```
#[doc(inline)]
pub use uniultra_manifest::ManifestError;

/// How a model runs: the number of threads, and the CPUs that they are bound to.
///
/// ```
/// use uniultra::{EngineOptions, Segmenter, embedded_pack};
///
/// let options = EngineOptions::new().with_threads(2);
/// let segmenter = Segmenter::from_pack(&embedded_pack()?, &options)?;
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_engine::EngineOptions;

/// The largest number of threads of a segmenter.
///
/// ```
/// use uniultra::{EngineOptions, ErrorKind, MAX_THREADS, Segmenter, embedded_pack};
///
/// let options = EngineOptions::new().with_threads(MAX_THREADS + 1);
/// let error = Segmenter::from_pack(&embedded_pack()?, &options).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Options);
/// # Ok::<(), uniultra::Error>(())
/// ```
#[doc(inline)]
pub use uniultra_engine::MAX_THREADS;
