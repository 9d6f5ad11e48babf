use std::time::Instant;
use uniultra_kernels::*;
fn main() {
    for (side, win, heads, reps) in [
        (32usize, 32usize, 4usize, 20),
        (64, 64, 4, 3),
        (128, 8, 1, 20),
        (64, 4, 2, 20),
        (32, 8, 4, 20),
    ] {
        let ch = 3 * heads * 16;
        let mut s = 1u64;
        let map: Vec<f32> = (0..side * side * ch)
            .map(|_| {
                s ^= s << 13;
                s ^= s >> 7;
                s ^= s << 17;
                (s >> 40) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        let view = |p: usize| MapView {
            values: &map,
            columns: side,
            channels: ch,
            first: p * heads * 16,
            window: [win; 2],
        };
        let f = Attention::new([view(0), view(1), view(2)], heads, [16, 16], [side; 2]).unwrap();
        let i = f.in_integers();
        let mut out = vec![0.0; f.output_len()];
        let mut sc = Scratch::default();
        let mut t = [vec![], vec![]];
        for _ in 0..reps {
            for (j, a) in [&f, &i].iter().enumerate() {
                let st = Instant::now();
                a.run(&mut sc, &mut out).unwrap();
                t[j].push(st.elapsed().as_secs_f64() * 1e3);
            }
        }
        for t in &mut t {
            t.sort_by(f64::total_cmp);
        }
        let n = (side * side * win * win * heads) as f64;
        println!(
            "{side} {win} {heads}: float {:.2} ms {:.3} ns, int {:.2} ms {:.3} ns",
            t[0][reps / 2],
            t[0][0] * 1e6 / n,
            t[1][reps / 2],
            t[1][0] * 1e6 / n
        );
    }
}
