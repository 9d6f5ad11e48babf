//! Every data set in small, in the layout it is distributed in, and what must come out of it.

use crate::draw::{
    bar, disc, labels, mask, metaimage, nifti, nothing, outline, picture, save, text,
};
use image::GrayImage;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A raw folder and what must be made of it.
pub(crate) struct Miniature {
    pub(crate) name: &'static str,
    scratch: TempDir,
    pub(crate) expected: Vec<Expected>,
    /// `pixel_size.csv` of every set that has one.
    pub(crate) sizes: Vec<(&'static str, &'static str)>,
    /// Options without which the folder would be refused.
    pub(crate) options: &'static [&'static str],
}

/// An image of a set.
pub(crate) struct Expected {
    pub(crate) set: &'static str,
    pub(crate) stem: String,
    pub(crate) mask: GrayImage,
    /// Its part, if the data set has a split.
    pub(crate) part: Option<&'static str>,
}

impl Miniature {
    fn new(name: &'static str) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        Self { name, scratch, expected: Vec::new(), sizes: Vec::new(), options: &[] }
    }

    pub(crate) fn raw(&self) -> PathBuf {
        self.scratch.path().join("raw")
    }

    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.raw().join(path)
    }

    fn save(&self, path: &str, image: &GrayImage) {
        save(&self.at(path), image);
    }

    fn expect(
        &mut self,
        set: &'static str,
        stem: &str,
        mask: GrayImage,
        part: Option<&'static str>,
    ) {
        self.expected.push(Expected { set, stem: stem.to_string(), mask, part });
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Miniature> {
    vec![
        busi(),
        ddti(),
        tn3k(),
        udiat(),
        fugc(),
        jnu_ifm(),
        psfhs(),
        hc18(),
        camus(),
        bus_bra(),
        mmotu(),
        uns(12),
    ]
}

fn united(a: &GrayImage, b: &GrayImage) -> GrayImage {
    mask(|x, y| a.get_pixel(x, y)[0].max(b.get_pixel(x, y)[0]) != 0)
}

pub(crate) fn busi() -> Miniature {
    let mut m = Miniature::new("busi");
    for (class, seeds) in [("benign", 1..5_u32), ("malignant", 5..7)] {
        for seed in seeds {
            let file = format!("Dataset_BUSI_with_GT/{class}/{class} ({seed})");
            m.save(&format!("{file}.png"), &picture(seed));
            m.save(&format!("{file}_mask.png"), &disc(seed));
            m.expect("busi", &format!("busi_{class}_{seed:03}"), disc(seed), None);
        }
    }
    m.save("Dataset_BUSI_with_GT/benign/benign (1)_mask_1.png", &bar());
    m.expected[0].mask = united(&disc(1), &bar());
    m.save("Dataset_BUSI_with_GT/normal/normal (1).png", &picture(30));
    m.save("Dataset_BUSI_with_GT/normal/normal (1)_mask.png", &nothing());
    m.expect("busi-normal", "busi_normal_001", nothing(), None);
    m
}

fn ddti() -> Miniature {
    let mut m = Miniature::new("ddti");
    m.options = &["--allow-missing"];
    for (case, image, seed) in [(1, 1, 1), (1, 2, 2), (2, 1, 3), (3, 1, 4)] {
        m.save(&format!("DDTI/{case}_{image}.jpg"), &picture(seed));
    }
    let square = |x: u32, y: u32, side: u32| {
        let corners = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)];
        let points: Vec<_> =
            corners.iter().map(|(x, y)| format!("{{\"x\": {x}, \"y\": {y}}}")).collect();
        format!(
            "{{\"points\": [{}], \"annotation\": {{}}, \"regionType\": \"freehand\"}}",
            points.join(", ")
        )
    };
    let mark = |image: u32, regions: &str| {
        format!("<mark><image>{image}</image><svg>{regions}</svg></mark>")
    };
    let case = |number: u32, marks: &str| {
        format!("<?xml version=\"1.0\"?><case><number>{number}</number><age/>{marks}</case>")
    };
    // Two regions of one mark, a second mark of the same image, and a region beyond the edge.
    let one = mark(1, &format!("[{}, {}]", square(10, 10, 20), square(40, 10, 12)))
        + &mark(1, &format!("[{}]", square(10, 50, 9)))
        + &mark(2, &format!("[{}]", square(80, 60, 40)));
    text(&m.at("DDTI/1.xml"), &case(1, &one));
    // One annotation that breaks off, as two of the published ones do, and one that is empty.
    text(&m.at("DDTI/2.xml"), &case(2, &mark(1, "[{\"points\": [{\"x\": 3")));
    text(&m.at("DDTI/3.xml"), &case(3, &mark(1, "")));
    let within = |low: u32, high: u32| move |v: u32| (low..=high).contains(&v);
    let first = mask(|x, y| {
        (within(10, 30)(x) && within(10, 30)(y))
            || (within(40, 52)(x) && within(10, 22)(y))
            || (within(10, 19)(x) && within(50, 59)(y))
    });
    m.expect("ddti", "ddti_1_1", first, None);
    m.expect("ddti", "ddti_1_2", mask(|x, y| x >= 80 && y >= 60), None);
    m
}

fn tn3k() -> Miniature {
    let mut m = Miniature::new("tn3k");
    for (half, number, part) in [
        ("trainval", 0, "train"),
        ("trainval", 1, "val"),
        ("trainval", 2, "train"),
        ("test", 0, "test"),
    ] {
        let seed = number + if half == "test" { 40 } else { 1 };
        m.save(&format!("tn3k/{half}-image/{number:04}.jpg"), &picture(seed));
        m.save(&format!("tn3k/{half}-mask/{number:04}.jpg"), &disc(seed));
        m.expect("tn3k", &format!("tn3k_{half}_{number:04}"), disc(seed), Some(part));
    }
    text(&m.at("tn3k/tn3k-trainval-fold0.json"), "{\"train\": [0, 2], \"val\": [1]}");
    m
}

pub(crate) fn udiat() -> Miniature {
    let mut m = Miniature::new("udiat");
    for seed in 1..9 {
        m.save(&format!("UDIAT/original/{seed:06}.png"), &picture(seed));
        m.save(&format!("UDIAT/GT/{seed:06}.png"), &disc(seed));
        m.expect("udiat", &format!("udiat_{seed:06}"), disc(seed), None);
    }
    m
}

fn fugc() -> Miniature {
    let mut m = Miniature::new("fugc");
    for (folder, part, seed) in
        [("train/labeled_data", "train", 1), ("val", "val", 2), ("test", "test", 3)]
    {
        m.save(&format!("dataset/{folder}/images/0001.png"), &picture(seed));
        let both = labels(&[(1, disc(seed)), (2, bar())]);
        m.save(&format!("dataset/{folder}/labels/0001.png"), &both);
        for (set, mask) in [("fugc_1", disc(seed)), ("fugc_2", bar())] {
            m.expect(set, &format!("fugc_{part}_0001"), mask, Some(part));
        }
    }
    m.save("dataset/train/unlabeled_data/images/0051.png", &picture(9));
    m
}

fn jnu_ifm() -> Miniature {
    let mut m = Miniature::new("jnu-ifm");
    for (video, frame, seed) in
        [("20190909T155747", 1, 1), ("20190909T155747", 2, 2), ("20190910T1", 7, 3)]
    {
        let stem = format!("{video}_{frame}");
        m.save(&format!("JNU/{video}/image/{stem}.png"), &picture(seed));
        // The last frame shows the head alone.
        let symphysis = if seed == 3 { nothing() } else { bar() };
        let both = labels(&[(7, symphysis), (8, disc(seed))]);
        m.save(&format!("JNU/{video}/mask/{stem}_mask.png"), &both);
        if seed != 3 {
            m.expect("jnu_ifm_symphysis", &stem, bar(), None);
        }
        m.expect("jnu_ifm_head", &stem, disc(seed), None);
    }
    m
}

fn psfhs() -> Miniature {
    let mut m = Miniature::new("psfhs");
    for seed in 1..4 {
        let stem = format!("{seed:05}");
        metaimage(&m.at(&format!("PSFHS/image_mha/{stem}.mha")), &picture(seed), 3);
        let both = labels(&[(1, bar()), (2, disc(seed))]);
        metaimage(&m.at(&format!("PSFHS/label_mha/{stem}.mha")), &both, 1);
        m.expect("psfhs_symphysis", &stem, bar(), None);
        m.expect("psfhs_head", &stem, disc(seed), None);
    }
    m
}

fn hc18() -> Miniature {
    let mut m = Miniature::new("hc18");
    let mut table = "filename,pixel size(mm),head circumference (mm)\n".to_string();
    for (name, seed) in [("000_HC", 1), ("010_HC", 2), ("010_2HC", 3)] {
        m.save(&format!("training_set/{name}.png"), &picture(seed));
        // The last head is cut by the image.
        let head = if seed == 3 {
            mask(|x, y| x.abs_diff(4).pow(2) * 4 + y.abs_diff(70).pow(2) * 9 <= 60 * 60)
        } else {
            disc(seed)
        };
        m.save(&format!("training_set/{name}_Annotation.png"), &outline(&head));
        table += &format!("{name}.png,0.{seed}5,{seed}4.5\n");
        m.expect("hc18", &format!("hc18_{name}"), head, None);
    }
    m.save("test_set/000_HC.png", &picture(9));
    text(&m.at("training_set_pixel_size_and_HC.csv"), &table);
    let sizes = "stem,pixel_size_mm,head_circumference_mm\nhc18_000_HC,0.15,14.5\n\
                 hc18_010_2HC,0.35,34.5\nhc18_010_HC,0.25,24.5\n";
    m.sizes.push(("hc18", sizes));
    m
}

pub(crate) fn camus() -> Miniature {
    let mut m = Miniature::new("camus");
    let ring = |seed: u32| {
        let (disc, wide) = (disc(seed), outline(&disc(seed)));
        mask(|x, y| disc.get_pixel(x, y)[0] != 0 && wide.get_pixel(x, y)[0] != 0)
    };
    for (patient, part, list, seed) in
        [(1, "train", "training", 1), (2, "val", "validation", 2), (3, "test", "testing", 3)]
    {
        let name = format!("patient{patient:04}");
        let stem = format!("{name}_2CH_ED");
        let path = |end: &str| m.at(&format!("database_nifti/{name}/{stem}{end}.nii.gz"));
        nifti(&path(""), &picture(seed), [0.3, 0.15]);
        // Ventricle, its rim for the muscle, and a bar for the atrium.
        let all = labels(&[(1, disc(seed)), (2, ring(seed)), (3, bar())]);
        nifti(&path("_gt"), &all, [0.3, 0.15]);
        text(&m.at(&format!("database_split/subgroup_{list}.txt")), &format!("{name}\n"));
        let of = |label: u8| mask(|x, y| all.get_pixel(x, y)[0] == label);
        for (set, label) in [("camus_lv", 1), ("camus_myo", 2), ("camus_la", 3)] {
            m.expect(set, &stem, of(label), Some(part));
        }
    }
    let sizes = "stem,pixel_size_x_mm,pixel_size_y_mm\npatient0001_2CH_ED,0.3,0.15\n\
                 patient0002_2CH_ED,0.3,0.15\npatient0003_2CH_ED,0.3,0.15\n";
    m.sizes.extend([("camus_lv", sizes), ("camus_myo", sizes), ("camus_la", sizes)]);
    m
}

fn bus_bra() -> Miniature {
    let mut m = Miniature::new("bus-bra");
    let mut table = "ID,Case,Pathology,Side\n".to_string();
    for (case, side, seed) in [(1, "l", 1), (1, "r", 2), (2, "s", 3)] {
        let id = format!("{case:04}-{side}");
        m.save(&format!("BUSBRA/Images/bus_{id}.png"), &picture(seed));
        m.save(&format!("BUSBRA/Masks/mask_{id}.png"), &disc(seed));
        table += &format!("bus_{id},{case},benign,{side}\n");
        m.expect("bus_bra", &format!("bus_{id}"), disc(seed), None);
    }
    text(&m.at("BUSBRA/bus_data.csv"), &table);
    m
}

fn mmotu() -> Miniature {
    let mut m = Miniature::new("mmotu");
    for (number, part) in [(1, "train"), (2, "val")] {
        m.save(&format!("MMOTU/OTU_2d/images/{number}.JPG"), &picture(number));
        m.save(&format!("MMOTU/OTU_2d/annotations/{number}_binary.PNG"), &disc(number));
        text(&m.at(&format!("MMOTU/OTU_2d/{part}.txt")), &format!("{number}\n"));
        m.expect("mmotu", &format!("mmotu_{number}"), disc(number), Some(part));
    }
    m
}

/// Two images a subject; every third one without the nerve.
pub(crate) fn uns(images: u32) -> Miniature {
    let mut m = Miniature::new("uns");
    for seed in 0..images {
        let stem = format!("{}_{}", seed / 2 + 1, seed % 2 + 1);
        let (set, mask) =
            if seed % 3 == 2 { ("uns-empty", nothing()) } else { ("uns", disc(seed)) };
        m.save(&format!("train/{stem}.tif"), &picture(seed));
        m.save(&format!("train/{stem}_mask.tif"), &mask);
        m.expect(set, &format!("uns_{stem}"), mask, None);
    }
    m.save("test/1.tif", &picture(99));
    m
}
