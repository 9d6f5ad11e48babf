//! The software bill of materials, CycloneDX 1.5: crates, the toolchain's libraries, model weights, and
//! who needs whom. The same input gives the same bytes.

mod models;
mod schema;

use super::commit::Commit;
use super::crates::{Crate, Crates, Id};
use super::libraries::Library;
use anyhow::Result;
use schema::{
    Bom, Component, Dependency, Hash, Kind, Licence, Metadata, Presence, Property, Reference, Tools,
};
use uniultra_cross::TARGET;
use uniultra_manifest::{Manifest, sha256_hex};

/// What the document is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) commit: &'a Commit,
    /// The device binary's bytes.
    pub(super) binary: &'a [u8],
    pub(super) crates: &'a Crates,
    pub(super) libraries: &'a [Library],
    pub(super) models: &'a Manifest,
}

/// The document as JSON.
pub(super) fn document(subject: Subject<'_>) -> Result<String> {
    let mut bom = bom(subject)?;
    // The number follows from all the rest: another content is another document.
    bom.serial_number = Some(urn(sha256_hex(&serde_json::to_vec(&bom)?).as_str()));
    Ok(serde_json::to_string_pretty(&bom)? + "\n")
}

fn bom(subject: Subject<'_>) -> Result<Bom> {
    let Subject { commit, binary, crates, libraries, models } = subject;
    let root = reference(&crates.root, crates.all.get(&crates.root));
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (id, found) in &crates.all {
        let of = reference(id, Some(found));
        let mut depends_on: Vec<String> =
            found.depends_on.iter().map(|id| reference(id, crates.all.get(id))).collect();
        if of == root {
            depends_on.extend(libraries.iter().map(library_reference));
            depends_on.extend(models::components(models).map(|model| model.bom_ref));
        } else {
            components.push(of_crate(id, found));
        }
        depends_on.sort();
        dependencies.push(Dependency { of, depends_on });
    }
    let others = libraries.iter().map(of_library).chain(models::components(models));
    for component in others {
        dependencies.push(Dependency { of: component.bom_ref.clone(), depends_on: Vec::new() });
        components.push(component);
    }
    components.sort_by(|a, b| a.bom_ref.cmp(&b.bom_ref));
    dependencies.sort_by(|a, b| a.of.cmp(&b.of));
    let program = Component {
        hashes: vec![Hash::sha256(sha256_hex(binary).as_str())],
        ..crates.all.get(&crates.root).map_or_else(
            || Component::new(Kind::Application, &root, &crates.root.name),
            |found| Component {
                kind: Kind::Application,
                scope: None,
                ..of_crate(&crates.root, found)
            },
        )
    };
    let version = env!("CARGO_PKG_VERSION");
    let tool = Component {
        version: Some(version.to_string()),
        ..Component::new(Kind::Application, format!("tool:xtask@{version}"), "cargo xtask dist")
    };
    let commit_id = commit.id.as_deref().unwrap_or("unknown");
    let changed = if commit.dirty { ", changed" } else { "" };
    Ok(Bom {
        schema: schema::SCHEMA,
        bom_format: schema::FORMAT,
        spec_version: schema::VERSION,
        serial_number: None,
        version: 1,
        metadata: Metadata {
            timestamp: commit.time()?,
            tools: Tools { components: vec![tool] },
            component: program,
            properties: vec![
                Property { name: "uniultra:commit", value: format!("{commit_id}{changed}") },
                Property { name: "uniultra:target", value: TARGET.to_string() },
            ],
        },
        components,
        dependencies,
    })
}

/// A package URL where a registry has the crate; for ours, which none has, a name of our own.
fn reference(id: &Id, found: Option<&Crate>) -> String {
    let Id { name, version } = id;
    if found.is_some_and(|found| found.ours) {
        format!("uniultra:{name}@{version}")
    } else {
        purl(id)
    }
}

fn purl(id: &Id) -> String {
    // `+` begins a version's build part, and means a blank where URLs are decoded.
    format!("pkg:cargo/{}@{}", id.name, id.version.replace('+', "%2B"))
}

fn of_crate(id: &Id, found: &Crate) -> Component {
    Component {
        version: Some(id.version.clone()),
        description: found.description.clone(),
        scope: Some(if found.linked { Presence::Required } else { Presence::Excluded }),
        hashes: found.sha256.iter().map(Hash::sha256).collect(),
        licenses: found.licence.iter().cloned().map(Licence::Expression).collect(),
        purl: (!found.ours).then(|| purl(id)),
        external_references: found.repository.iter().map(|url| source(url)).collect(),
        ..Component::new(Kind::Library, reference(id, Some(found)), &id.name)
    }
}

fn library_reference(library: &Library) -> String {
    format!("toolchain:{}", library.name)
}

fn of_library(library: &Library) -> Component {
    Component {
        version: library.version.clone(),
        description: Some(library.description.to_string()),
        scope: Some(Presence::Required),
        licenses: vec![Licence::Expression(library.licence.to_string())],
        external_references: vec![source(library.repository)],
        ..Component::new(Kind::Library, library_reference(library), library.name)
    }
}

fn source(url: &str) -> Reference {
    Reference { kind: "vcs", url: url.to_string() }
}

/// A UUID (version 8: by a rule of our own) of a hash.
fn urn(sha256: &str) -> String {
    let part = |range: std::ops::Range<usize>| sha256.get(range).unwrap_or_default();
    format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0..8),
        part(8..12),
        part(12..15),
        part(15..18),
        part(18..30)
    )
}

#[cfg(test)]
mod tests;
