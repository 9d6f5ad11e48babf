use std::time::Instant;
use uniultra_engine::*;
use uniultra_manifest::Pack;
fn main() {
    let p = std::env::args().nth(1).unwrap();
    for _ in 0..20 {
        let t = Instant::now();
        let pack = Pack::open(std::path::Path::new(&p)).unwrap();
        let a = t.elapsed().as_secs_f64() * 1e3;
        let n = TractNetwork::of(&pack, &EngineOptions::default()).unwrap();
        println!("open {a:.1} total {:.1}", t.elapsed().as_secs_f64() * 1e3);
        drop(n);
    }
}
