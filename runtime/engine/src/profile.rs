//! Runs of plans with a clock on every operation, for host tools that look for the time.

use crate::load::Plan;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tract_core::internal::{
    Cost, Datum, DatumType, SymbolValues, TDim, TValue, TVec, Tensor, TractResult, TypedModel,
    TypedNode,
};
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;
use tract_core::plan::eval;

/// One plan's run. A network may be more than one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRun {
    /// The network, e.g. `image encoder`.
    pub network: &'static str,
    /// The run as a whole: its operations, and what the engine does between them.
    pub total_ns: u64,
    /// The operations in the order in which they ran; inputs and constants do not count as operations.
    pub ops: Vec<OpRun>,
}

/// One operation's run.
///
/// Multiply-accumulates of products and convolutions are exact; attention counts without its
/// softmax; of other operations they are the engine's estimates, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpRun {
    /// Name of the node in the optimised graph, after the ONNX node that it came from.
    pub name: String,
    /// The operation, e.g. `uniultra.Linear`.
    pub op: String,
    /// Wall time.
    pub time_ns: u64,
    /// Multiply-accumulates of floats.
    pub real_macs: u64,
    /// Multiply-accumulates of integers.
    pub integer_macs: u64,
    /// Bytes of the tensors that it reads, constants included, each once. A tensor that it only
    /// gives another shape does not count, neither here nor as written.
    pub read_bytes: u64,
    /// Bytes of the tensors that it writes.
    pub written_bytes: u64,
}

/// Runs plans, and keeps their times while it is asked to.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    /// Apart from the runs, so that without a recording threads do not wait for each other.
    recording: AtomicBool,
    runs: Mutex<Vec<PlanRun>>,
}

impl Recorder {
    pub(crate) fn run(
        &self,
        network: &'static str,
        plan: &Plan,
        inputs: TVec<TValue>,
    ) -> TractResult<TVec<TValue>> {
        if !self.is_recording() {
            return plan.run(inputs);
        }
        let (outputs, run) = timed(network, plan, inputs)?;
        let mut runs = self.lock();
        // The recording may have ended meanwhile.
        if self.is_recording() {
            runs.push(run);
        }
        Ok(outputs)
    }

    pub(crate) fn start(&self) -> Recording<'_> {
        let mut runs = self.lock();
        runs.clear();
        self.recording.store(true, Ordering::Release);
        Recording(self)
    }

    fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Acquire)
    }

    /// What a panic elsewhere left is a list of whole runs.
    fn lock(&self) -> MutexGuard<'_, Vec<PlanRun>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A recording that ends with this value, also where the work panics.
pub(crate) struct Recording<'a>(&'a Recorder);

impl Recording<'_> {
    pub(crate) fn finish(self) -> Vec<PlanRun> {
        mem::take(&mut *self.0.lock())
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        let mut runs = self.0.lock();
        self.0.recording.store(false, Ordering::Release);
        *runs = Vec::new();
    }
}

fn timed(
    network: &'static str,
    plan: &Plan,
    inputs: TVec<TValue>,
) -> TractResult<(TVec<TValue>, PlanRun)> {
    let model = plan.model();
    let mut ops = Vec::with_capacity(model.nodes.len());
    // Counting comes between the operations and does not belong to the run.
    let mut counting_ns = 0;
    let start = Instant::now();
    let outputs = plan.spawn()?.run_plan_with_eval(inputs, |context, state, node, inputs| {
        if node.op_is::<TypedSource>() || node.op_is::<Const>() {
            return eval(context, state, node, inputs);
        }
        let counting = Instant::now();
        let mut run = count(model, node, context.symbols)?;
        run.read_bytes += inputs.iter().map(|tensor| bytes(tensor)).sum::<u64>();
        let places: TVec<_> = inputs.iter().filter_map(|tensor| place(tensor)).collect();
        counting_ns += since_ns(counting);

        let evaluating = Instant::now();
        let outputs = eval(context, state, node, inputs)?;
        run.time_ns = since_ns(evaluating);

        let counting = Instant::now();
        for output in &outputs {
            let size = bytes(output);
            if place(output).is_some_and(|place| places.contains(&place)) {
                run.read_bytes = run.read_bytes.saturating_sub(size);
            } else {
                run.written_bytes += size;
            }
        }
        ops.push(run);
        counting_ns += since_ns(counting);
        TractResult::Ok(outputs)
    })?;
    let total_ns = since_ns(start).saturating_sub(counting_ns);
    Ok((outputs, PlanRun { network, total_ns, ops }))
}

fn since_ns(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Size of a tensor's values, packed ones as they are packed.
fn bytes(tensor: &Tensor) -> u64 {
    match tensor.exotic_fact() {
        Ok(Some(packed)) => known(&packed.mem_size(), &SymbolValues::default()),
        _ => (tensor.volume() * tensor.datum_type().size_of()) as u64,
    }
}

/// Where a tensor's values are, if they are as its shape says.
fn place(tensor: &Tensor) -> Option<usize> {
    let values = tensor.try_as_plain_ram().ok()?.as_bytes();
    (!values.is_empty()).then(|| values.as_ptr().addr())
}

/// What an operation says of its work, without time and tensors.
fn count(model: &TypedModel, node: &TypedNode, symbols: &SymbolValues) -> TractResult<OpRun> {
    let mut run = OpRun {
        name: node.name.clone(),
        op: node.op().name().into_owned(),
        time_ns: 0,
        real_macs: 0,
        integer_macs: 0,
        read_bytes: 0,
        written_bytes: 0,
    };
    let facts = model.node_input_facts(node.id)?;
    for (cost, count) in node.op.cost(&facts)? {
        let count = known(&count, symbols);
        match cost {
            Cost::FMA(kind) if is_integer(kind) => run.integer_macs += count,
            Cost::FMA(_) => run.real_macs += count,
            // Weights inside the operation; those that are inputs are among its tensors.
            Cost::Params(kind) => run.read_bytes += count * kind.size_of() as u64,
            Cost::Div(_) | Cost::Buffer(_) | Cost::Custom(..) => {}
        }
    }
    Ok(run)
}

/// A count, or 0 where it depends on a size that is not known.
fn known(count: &TDim, symbols: &SymbolValues) -> u64 {
    count.eval_to_i64(symbols).ok().and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}

fn is_integer(kind: DatumType) -> bool {
    [i8::datum_type(), u8::datum_type(), i32::datum_type()].contains(&kind.unquantized())
}

#[cfg(test)]
mod tests {
    use super::{OpRun, Recorder};
    use crate::{EngineOptions, open_pack};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use uniultra_core::{Frame, Pixels, PointLabel, Prompts};
    use uniultra_manifest::Pack;

    #[test]
    fn recorded_runs_count_what_the_operations_do() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/uniultra-mini-int8");
        let pack = Pack::open(folder.as_ref()).unwrap();
        // Whatever the shipped pack is, this one attends in integers.
        let mut manifest = pack.manifest().clone();
        manifest.quantization.as_mut().unwrap().integer_attention = true;
        let text = manifest.to_toml().unwrap();
        let files = [pack.read_image_encoder(), pack.read_mask_decoder()];
        let [encoder, decoder] = files.map(|file| file.unwrap().into_owned());
        let pack = Pack::from_bytes(text.as_bytes(), encoder, decoder).unwrap();
        let segmenter = open_pack(&pack, &EngineOptions::default()).unwrap();
        let frame = Frame::new(64, 64, Pixels::Gray8(vec![7; 4096])).unwrap();
        let click = Prompts::new().with_point(9.0, 9.0, PointLabel::Positive).unwrap();
        let network = segmenter.network();
        let (encoded, runs) = network.recorded(|| segmenter.encode(&frame).unwrap());
        let (recorded, clicks) = network.recorded(|| encoded.predict(&click).unwrap());
        let networks: Vec<_> = runs.iter().map(|run| run.network).collect();
        assert_eq!(networks, ["image encoder", "mask decoder, once a frame"]);
        assert!(clicks.iter().all(|run| run.network == "mask decoder"));
        for run in runs.iter().chain(&clicks) {
            let sum: u64 = run.ops.iter().map(|op| op.time_ns).sum();
            assert!(0 < sum && sum <= run.total_ns, "{} of {}", sum, run.total_ns);
        }

        // Block 0: 128 x 128 tokens of 16 channels, three projections of as many.
        let operation = |name: &str| runs[0].ops.iter().find(|op| op.name == name).unwrap();
        let qkv = operation("blocks.0/attn/qkv/Add");
        assert_eq!(qkv.op, "uniultra.LinearInteger");
        assert_eq!((qkv.real_macs, qkv.integer_macs), (0, 16384 * 16 * 48));
        assert_eq!((qkv.read_bytes, qkv.written_bytes), (16384 * 16 * 4 + 16 * 48, 16384 * 48 * 4));
        // Windows of 8 x 8 keys for each query, two products over all channels.
        let attention = runs[0].ops.iter().find(|op| op.op == "uniultra.Attention").unwrap();
        assert_eq!((attention.real_macs, attention.integer_macs), (0, 16384 * 64 * 2 * 16));
        // Another shape of the same values moves nothing.
        let still = |op: &OpRun| op.op == "IntoShape" && op.read_bytes + op.written_bytes == 0;
        assert!(runs[0].ops.iter().any(still));

        // What was recorded does not show in the result, and nothing is recorded any more.
        let plain = encoded.predict(&click).unwrap();
        assert_eq!(recorded.logits(), plain.logits());
        assert!(!network.recorder.is_recording() && network.recorder.lock().is_empty());
    }

    #[test]
    fn a_recording_ends_where_the_work_panics() {
        let recorder = Recorder::default();
        let work = AssertUnwindSafe(|| {
            let _recording = recorder.start();
            assert!(recorder.is_recording());
            panic!("the caller's");
        });
        assert!(catch_unwind(work).is_err());
        assert!(!recorder.is_recording() && recorder.lock().is_empty());
    }
}
