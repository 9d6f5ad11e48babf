use super::*;

fn values(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.detach().flatten(0, -1)).unwrap()
}

fn leaf(data: &[f32], shape: &[i64]) -> Tensor {
    Tensor::from_slice(data).reshape(shape).set_requires_grad(true)
}

fn one_group(params: &[(&str, &Tensor)]) -> Vec<Group> {
    let params = params.iter().map(|(name, tensor)| ((*name).into(), tensor.shallow_clone()));
    vec![Group { name: "all".into(), lr_scale: 1.0, params: params.collect() }]
}

/// Gives `w` the gradient `grad` (the loss is their product).
fn backward(w: &Tensor, grad: &[f32]) {
    (w.flatten(0, -1) * Tensor::from_slice(grad)).sum(Kind::Float).backward();
}

/// The published algorithm in f64, for one value.
fn reference(mut w: f64, grads: &[f64], lr: f64, config: &AdamConfig) -> f64 {
    let (b1, b2) = config.betas;
    let (mut m, mut v) = (0.0, 0.0);
    for (index, &g) in grads.iter().enumerate() {
        let t = index as i32 + 1;
        let g = if config.decoupled { g } else { g + config.weight_decay * w };
        if config.decoupled {
            w -= lr * config.weight_decay * w;
        }
        m = b1 * m + (1.0 - b1) * g;
        v = b2 * v + (1.0 - b2) * g * g;
        w -= lr * (m / (1.0 - b1.powi(t))) / ((v / (1.0 - b2.powi(t))).sqrt() + config.eps);
    }
    w
}

fn close(found: f32, expected: f64) {
    assert!((f64::from(found) - expected).abs() < 2e-6, "{found} instead of {expected}");
}

#[test]
fn the_first_step_by_hand() {
    // m/c1 = g and v/c2 = g^2 after one step: each weight moves by lr * g / (|g| + eps).
    let w = leaf(&[1.0, 1.0, 1.0], &[3]);
    let mut adam = Adam::new(one_group(&[("w", &w)]), &AdamConfig::default()).unwrap();
    backward(&w, &[3.0, -0.01, 0.0]);
    assert_eq!(adam.step(0.1).unwrap(), StepOutcome::Applied);
    close(values(&w)[0], 0.9);
    close(values(&w)[1], 1.1);
    assert_eq!(values(&w)[2], 1.0);
}

#[test]
fn many_steps_follow_the_published_algorithm() {
    let grads: Vec<f64> = (0..40).map(|i| (f64::from(i) * 0.7).sin() + 0.2).collect();
    for config in [
        AdamConfig::default(),
        AdamConfig { weight_decay: 0.1, ..AdamConfig::default() },
        AdamConfig { weight_decay: 0.1, decoupled: true, betas: (0.8, 0.95), eps: 1e-3 },
    ] {
        let w = leaf(&[0.5, -2.0], &[1, 2]);
        let mut adam = Adam::new(one_group(&[("w", &w)]), &config).unwrap();
        for &g in &grads {
            adam.zero_grad().unwrap();
            backward(&w, &[g as f32, g as f32]);
            adam.step(0.01).unwrap();
        }
        close(values(&w)[0], reference(0.5, &grads, 0.01, &config));
        close(values(&w)[1], reference(-2.0, &grads, 0.01, &config));
    }
}

#[test]
fn vectors_are_not_decayed() {
    for decoupled in [false, true] {
        let config = AdamConfig { weight_decay: 0.5, decoupled, ..AdamConfig::default() };
        let (matrix, bias) = (leaf(&[1.0], &[1, 1]), leaf(&[1.0], &[1]));
        let mut adam = Adam::new(one_group(&[("w", &matrix), ("b", &bias)]), &config).unwrap();
        backward(&matrix, &[0.0]);
        backward(&bias, &[0.0]);
        adam.step(0.1).unwrap();
        assert_eq!(values(&bias)[0], 1.0);
        close(values(&matrix)[0], if decoupled { 0.95 } else { 0.9 });
    }
}

#[test]
fn groups_scale_the_rate_and_parameters_without_gradient_stay() {
    let (fast, slow, idle) = (leaf(&[0.0], &[1]), leaf(&[0.0], &[1]), leaf(&[4.0], &[1]));
    let group = |name: &str, lr_scale, tensor: &Tensor| Group {
        name: name.into(),
        lr_scale,
        params: vec![(name.into(), tensor.shallow_clone())],
    };
    let groups =
        vec![group("fast", 1.0, &fast), group("slow", 0.1, &slow), group("idle", 1.0, &idle)];
    let mut adam = Adam::new(groups, &AdamConfig::default()).unwrap();
    backward(&fast, &[1.0]);
    backward(&slow, &[1.0]);
    adam.step(0.1).unwrap();
    close(values(&fast)[0], -0.1);
    close(values(&slow)[0], -0.01);
    assert_eq!(values(&idle)[0], 4.0);
    assert_eq!(adam.state().unwrap().len(), 6);
    assert_eq!(adam.param_count(), 3);

    // A late joiner has its own bias correction: its first step is a full one.
    backward(&idle, &[1.0]);
    adam.step(0.1).unwrap();
    close(values(&idle)[0], 3.9);
}

#[test]
fn clipping_scales_to_the_joint_norm() {
    let (a, b) = (leaf(&[0.0], &[1]), leaf(&[0.0, 0.0], &[2]));
    let mut adam = Adam::new(one_group(&[("a", &a), ("b", &b)]), &AdamConfig::default()).unwrap();
    assert_eq!(adam.clip_grad_norm(1.0).unwrap(), 0.0);
    backward(&a, &[3.0]);
    backward(&b, &[0.0, 4.0]);
    assert!((adam.clip_grad_norm(f64::INFINITY).unwrap() - 5.0).abs() < 1e-6);
    assert_eq!(values(&a.grad()), [3.0]);
    assert!((adam.clip_grad_norm(1.0).unwrap() - 5.0).abs() < 1e-6);
    close(values(&a.grad())[0], 0.6);
    close(values(&b.grad())[1], 0.8);
    adam.zero_grad().unwrap();
    assert_eq!(values(&b.grad()), [0.0, 0.0]);
}

#[test]
fn a_gradient_that_is_not_finite_costs_one_step() {
    let w = leaf(&[1.0], &[1]);
    let mut adam = Adam::new(one_group(&[("w", &w)]), &AdamConfig::default()).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        adam.zero_grad().unwrap();
        backward(&w, &[bad]);
        assert!(!adam.clip_grad_norm(1.0).unwrap().is_finite());
        assert_eq!(adam.step(0.1).unwrap(), StepOutcome::Skipped);
    }
    assert_eq!((adam.steps(), adam.skipped()), (0, 2));
    assert_eq!(values(&w), [1.0]);
    adam.zero_grad().unwrap();
    backward(&w, &[1.0]);
    adam.clip_grad_norm(1.0).unwrap();
    assert_eq!(adam.step(0.1).unwrap(), StepOutcome::Applied);
    close(values(&w)[0], 0.9);
}

#[test]
fn a_restored_state_continues_bit_equal() {
    let config = AdamConfig { weight_decay: 0.01, decoupled: true, ..AdamConfig::default() };
    let run = |w: &Tensor, adam: &mut Adam, steps: std::ops::Range<u32>| {
        for step in steps {
            adam.zero_grad().unwrap();
            let g = (step as f32).cos();
            backward(w, &[g, -0.3 * g, 1e-5]);
            adam.step(1e-3).unwrap();
        }
    };
    let whole = leaf(&[1.0, 2.0, 3.0], &[1, 3]);
    let mut adam = Adam::new(one_group(&[("w", &whole)]), &config).unwrap();
    run(&whole, &mut adam, 0..5);

    let half = leaf(&values(&whole), &[1, 3]);
    let mut resumed = Adam::new(one_group(&[("w", &half)]), &config).unwrap();
    resumed.load_state(&adam.state().unwrap(), adam.steps()).unwrap();
    run(&whole, &mut adam, 5..15);
    run(&half, &mut resumed, 5..15);
    assert_eq!(values(&whole), values(&half));
    assert_eq!(resumed.steps(), 15);
    for (name, tensor) in adam.state().unwrap() {
        assert!(tensor.equal(&resumed.state().unwrap()[&name]), "{name}");
    }
}

#[test]
fn foreign_states_are_refused() {
    let w = leaf(&[1.0, 2.0], &[2]);
    let mut adam = Adam::new(one_group(&[("w", &w)]), &AdamConfig::default()).unwrap();
    backward(&w, &[1.0, 1.0]);
    adam.step(0.1).unwrap();
    let state = adam.state().unwrap();

    let other = leaf(&[1.0], &[1]);
    let refuse = |name: &str, state: &BTreeMap<String, Tensor>| {
        let mut adam = Adam::new(one_group(&[(name, &other)]), &AdamConfig::default()).unwrap();
        adam.load_state(state, 1).unwrap_err().to_string()
    };
    assert!(refuse("w", &state).contains("m.w has shape [2]"));
    assert!(refuse("x", &state).contains("m.w of a parameter that is not optimised"));
    let mut torn = adam.state().unwrap();
    torn.remove("v.w");
    assert!(refuse("w", &torn).contains("lacks one of"));
}

#[test]
fn bad_set_ups_are_refused() {
    let w = leaf(&[1.0], &[1]);
    let twice = one_group(&[("w", &w), ("w", &w)]);
    assert!(Adam::new(twice, &AdamConfig::default()).unwrap_err().to_string().contains("twice"));
    let config = AdamConfig { betas: (1.0, 0.9), ..AdamConfig::default() };
    assert!(Adam::new(one_group(&[("w", &w)]), &config).is_err());
    let index = Tensor::from_slice(&[1i64]);
    assert!(Adam::new(one_group(&[("i", &index)]), &AdamConfig::default()).is_err());
}
