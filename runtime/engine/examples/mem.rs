#![allow(unsafe_code)]
use std::alloc::*;
use std::sync::atomic::{AtomicUsize, AtomicBool, Ordering::*};
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::*;
use uniultra_manifest::Pack;
struct A;
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static N: AtomicUsize = AtomicUsize::new(0);
static B: AtomicUsize = AtomicUsize::new(0);
static LOG: AtomicBool = AtomicBool::new(false);
fn add(n: usize) { let l = LIVE.fetch_add(n, Relaxed) + n; PEAK.fetch_max(l, Relaxed); N.fetch_add(1, Relaxed); B.fetch_add(n, Relaxed); if LOG.load(Relaxed) && n > 500_000 { LOG.store(false, Relaxed); eprintln!("alloc {n} live {l}"); LOG.store(true, Relaxed); } }
unsafe impl GlobalAlloc for A {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 { add(l.size()); unsafe { System.alloc(l) } }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) { LIVE.fetch_sub(l.size(), Relaxed); unsafe { System.dealloc(p, l) } }
}
#[global_allocator]
static G: A = A;
fn rep(w: &str) {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    let h: Vec<&str> = s.lines().filter(|l| l.starts_with("VmHWM") || l.starts_with("VmRSS") || l.starts_with("RssAnon")|| l.starts_with("RssFile")).collect();
    println!("{w}: live {:.2} MiB peak {:.2} allocs {} bytes {:.1} {h:?}", LIVE.load(Relaxed) as f64 / 1048576.0, PEAK.load(Relaxed) as f64 / 1048576.0, N.load(Relaxed), B.load(Relaxed) as f64 / 1048576.0);
    PEAK.store(LIVE.load(Relaxed), Relaxed); N.store(0, Relaxed); B.store(0, Relaxed);
}
fn main() {
    let p = std::env::args().nth(1).unwrap();
    rep("start");
    let pack = Pack::open(std::path::Path::new(&p)).unwrap();
    if std::env::args().nth(2).is_some() { LOG.store(true, Relaxed); }
    let n = TractNetwork::of(&pack, &EngineOptions::default()).unwrap();
    rep("load");
    let s = pack.manifest().model.image_size;
    let x: Vec<f32> = (0..s * s).map(|i| ((i * 7919) % 255) as f32 / 255.0).collect();
    for _ in 0..2 {
        let emb = n.encode(&x).unwrap();
        rep("encode");
        let inp = DecoderInput { point_coords: [[100.0, 120.0]].into(), point_labels: [1.0].into(), mask_input: None };
        let mut out = DecoderOutput::new(s / 4);
        for _ in 0..2 { n.decode(&emb, &inp, &mut out).unwrap(); rep("click"); }
    }
}
