//! The texts of a package: what to do with it, whose it is, and how package managers describe it.

use super::board::Board;
use super::commit::Commit;
use super::unit;
use uniultra_manifest::Manifest;

/// One line about the program.
pub(super) const SUMMARY: &str = "promptable ultrasound segmentation (research software)";

const NOT_A_DEVICE: &str =
    "Research software. It is NOT A MEDICAL DEVICE and must not be used for diagnosis.";

/// Paragraphs of the package's description.
pub(super) fn description(board: &Board, models: &Manifest) -> Vec<String> {
    vec![
        "UniUltra Edge takes an ultrasound frame and a prompt (points or a box) and\n\
         gives a mask. The program is static and needs no other package."
            .to_string(),
        format!("Model inside: {}.\nBoard: {}.", models.model.id, board.profile.name),
        NOT_A_DEVICE.to_string(),
    ]
}

/// `README.txt`.
pub(super) fn readme(board: &Board, models: &Manifest, commit: &Commit, version: &str) -> String {
    let (id, name) = (board.id(), &board.profile.name);
    let profile = board.installed();
    let package = board.package();
    let model = &models.model.id;
    let (service, live) = (unit::NAME, unit::LIVE);
    let id_of_commit = commit.id.as_deref().unwrap_or("unknown");
    let places: String = [
        ("bin/uniultra", "the program, static, with the model inside"),
        (&format!("share/uniultra/models/{model}"), "the same model as files, and its card"),
        ("lib/libuniultra_c.so", "the C interface, shared, with the model inside"),
        ("include/uniultra.h", "its header; uniultra.hpp is for C++17"),
        (
            "lib/pkgconfig/uniultra_c.pc",
            "for pkg-config: cc ... $(pkg-config --cflags --libs uniultra_c)",
        ),
        (&profile, "the board's profile"),
        (&format!("lib/systemd/system/{service}"), "its unit"),
        (&format!("lib/systemd/system/{live}"), "the live page's unit"),
        (&format!("share/doc/{package}"), "licences, SBOM (CycloneDX), this text"),
    ]
    .map(|(path, what)| format!("  {path:<46} {what}\n"))
    .concat();
    let changed = if commit.dirty { ", with changes that are not committed" } else { "" };
    format!(
        "UniUltra Edge {version} for {name}
Promptable segmentation of ultrasound frames: click a structure, get its mask.

{NOT_A_DEVICE}

Install
  the .deb:     sudo dpkg -i {package}_{version}_arm64.deb          programs go below /usr
  the tarball:  sudo tar -xzf uniultra-{version}-{id}-aarch64.tar.gz \\
                  --strip-components=1 --no-same-owner -C /usr/local
Check the files first: sha256sum -c SHA256SUMS

Try
  uniultra selftest --board /usr/{profile}
  uniultra segment frame.png --point 210,145 --out-mask mask.png --overlay overlay.png --json -
  uniultra --help

At every boot, if you want it (nothing is started otherwise)
  sudo systemctl enable --now {service}
  journalctl -u {service}
  sudo systemctl enable --now {live}
The self-test has no network and cannot write files. The live page talks to this machine only: frames
come as YUV4MPEG2 through /run/uniultra-live/frames.sock, the page is http://127.0.0.1:8080/. systemd
starts it again if it hangs. Both get the memory of the board's profile.

What is where, below /usr or /usr/local
{places}
Licences
  The program is under MIT or Apache-2.0, as you prefer: LICENSE-MIT, LICENSE-APACHE. What others
  wrote that is in it: THIRD-PARTY.txt. The weights have a licence of their own:
  {licence}

Built from commit {id_of_commit}{changed}.
",
        licence = models.provenance.licence
    )
}

/// `copyright`, in Debian's machine-readable form.
pub(super) fn copyright(models: &Manifest) -> String {
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: UniUltra Edge
Comment: {NOT_A_DEVICE}
 What others wrote that is in the program is listed in THIRD-PARTY.txt beside this file.

Files: *
Copyright: 2026 The UniUltra Edge authors
License: MIT or Apache-2.0

Files: usr/share/uniultra/models/{model}/*
Copyright: 2026 The UniUltra Edge authors
License: model
 {licence}

License: MIT
 The text is in LICENSE-MIT beside this file.

License: Apache-2.0
 The text is in LICENSE-APACHE beside this file.
",
        model = models.model.id,
        licence = models.provenance.licence
    )
}
