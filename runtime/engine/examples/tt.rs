use std::time::Instant;
use uniultra_core::{DecoderInput, DecoderOutput, Network};
use uniultra_engine::*;
use uniultra_manifest::Pack;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let runs: usize = args[1].parse().unwrap();
    let threads: usize = args[2].parse().unwrap();
    let mut nets = vec![];
    for p in &args[3..] {
        let (p, ia) = match p.strip_prefix("f:") {
            Some(p) => (p, false),
            None => (p.as_str(), true),
        };
        let pack = Pack::open(std::path::Path::new(p)).unwrap();
        let t = Instant::now();
        let n = TractNetwork::of(&pack, &EngineOptions { threads, integer_attention: ia }).unwrap();
        println!("{p} load {:.1}", t.elapsed().as_secs_f64() * 1e3);
        hwm("loaded");
        nets.push((n, pack.manifest().model.image_size, vec![], vec![]));
    }
    for _ in 0..runs {
        for (n, s, e, d) in &mut nets {
            let x: Vec<f32> = (0..*s * *s).map(|i| ((i * 7919) % 255) as f32 / 255.0).collect();
            let t = Instant::now();
            let emb = n.encode(&x).unwrap();
            e.push(t.elapsed().as_secs_f64() * 1e3);
            let inp = DecoderInput {
                point_coords: [[100.0, 120.0]].into(),
                point_labels: [1.0].into(),
                mask_input: None,
            };
            let mut out = DecoderOutput::new(*s / 4);
            for _ in 0..3 {
                let t = Instant::now();
                n.decode(&emb, &inp, &mut out).unwrap();
                d.push(t.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    hwm("ran");
    for ((_, s, e, d), p) in nets.iter_mut().zip(&args[3..]) {
        e.sort_by(f64::total_cmp);
        d.sort_by(f64::total_cmp);
        println!(
            "{p} {s}: enc med {:.2} min {:.2}  click med {:.2} min {:.2}",
            e[e.len() / 2],
            e[0],
            d[d.len() / 2],
            d[0]
        );
    }
}

fn hwm(what: &str) {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    for l in s.lines() { if l.starts_with("VmHWM") || l.starts_with("VmRSS") { print!("{what} {l}  "); } }
    println!();
}
