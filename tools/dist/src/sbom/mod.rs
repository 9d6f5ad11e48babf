//! The software bill of materials, CycloneDX 1.5: crates, the toolchain's libraries, model weights, and
//! who needs whom. The same input gives the same bytes.

mod models;

use super::commit::Commit;
use super::crates::{Crate, Crates, Id};
use super::libraries::Library;
use anyhow::{Context, Result, ensure};
use cyclonedx_bom::models::component::{Classification, Scope};
use cyclonedx_bom::models::dependency::{Dependencies, Dependency};
use cyclonedx_bom::models::external_reference::{
    ExternalReference, ExternalReferenceType, ExternalReferences,
};
use cyclonedx_bom::models::hash::{Hash, HashAlgorithm, HashValue, Hashes};
use cyclonedx_bom::models::license::{LicenseChoice, Licenses};
use cyclonedx_bom::models::property::{Properties, Property};
use cyclonedx_bom::models::tool::Tools;
use cyclonedx_bom::prelude::{
    Bom, Component, Components, DateTime, Metadata, NormalizedString, Purl, SpdxExpression,
    SpecVersion, Uri, Validate,
};
use serde_json::Value;
use uniultra_cross::TARGET;
use uniultra_manifest::{Manifest, sha256_hex};

const SCHEMA: &str = "http://cyclonedx.org/schema/bom-1.5.schema.json";

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
    let bom = bom(subject)?;
    let checked = bom.validate_version(SpecVersion::V1_5);
    ensure!(checked.passed(), "the SBOM breaks CycloneDX's rules: {checked:?}");
    let mut bytes = Vec::new();
    bom.output_as_json_v1_5(&mut bytes).context("the SBOM")?;
    let mut json: Value = serde_json::from_slice(&bytes)?;
    models::add_considerations(&mut json, subject.models);
    json["$schema"] = SCHEMA.into();
    // The number follows from all the rest: another content is another document.
    json["serialNumber"] = urn(sha256_hex(&serde_json::to_vec(&json)?).as_str()).into();
    Ok(serde_json::to_string_pretty(&json)? + "\n")
}

fn bom(subject: Subject<'_>) -> Result<Bom> {
    let Subject { commit, binary, crates, libraries, models } = subject;
    let root = reference(&crates.root, crates.all.get(&crates.root))?;
    let models = models::components(models);
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (id, found) in &crates.all {
        let itself = reference(id, Some(found))?;
        let depends_on = found.depends_on.iter().map(|id| reference(id, crates.all.get(id)));
        let mut depends_on = depends_on.collect::<Result<Vec<_>>>()?;
        if itself == root {
            depends_on.extend(libraries.iter().map(library_reference));
            depends_on.extend(models.iter().filter_map(|model| model.bom_ref.clone()));
        } else {
            components.push(of_crate(id, found)?);
        }
        depends_on.sort();
        dependencies.push(Dependency { dependency_ref: itself, dependencies: depends_on });
    }
    for component in libraries.iter().map(of_library).chain(models) {
        let dependency_ref = component.bom_ref.clone().unwrap_or_default();
        dependencies.push(Dependency { dependency_ref, dependencies: Vec::new() });
        components.push(component);
    }
    components.sort_by(|a, b| a.bom_ref.cmp(&b.bom_ref));
    dependencies.sort_by(|a, b| a.dependency_ref.cmp(&b.dependency_ref));
    let root = crates.all.get(&crates.root).context("expected the binary among its crates")?;
    let program = Component {
        component_type: Classification::Application,
        scope: None,
        hashes: Some(sha256(sha256_hex(binary).as_str())),
        ..of_crate(&crates.root, root)?
    };
    let version = env!("CARGO_PKG_VERSION");
    let tool = format!("tool:xtask@{version}");
    let tool = Component::new(Classification::Application, "cargo xtask dist", version, Some(tool));
    let commit_id = commit.id.as_deref().unwrap_or("unknown");
    let changed = if commit.dirty { ", changed" } else { "" };
    let metadata = Metadata {
        timestamp: Some(DateTime::try_from(commit.time()?)?),
        tools: Some(Tools::Object { services: None, components: Some(Components(vec![tool])) }),
        component: Some(program),
        properties: Some(Properties(vec![
            Property::new("uniultra:commit", &format!("{commit_id}{changed}")),
            Property::new("uniultra:target", TARGET),
        ])),
        ..Metadata::default()
    };
    Ok(Bom {
        version: 1,
        // `Bom::default` would draw one at random.
        serial_number: None,
        metadata: Some(metadata),
        components: Some(Components(components)),
        dependencies: Some(Dependencies(dependencies)),
        spec_version: SpecVersion::V1_5,
        ..Bom::default()
    })
}

/// A package URL where a registry has the crate; for ours, which none has, a name of our own.
fn reference(id: &Id, found: Option<&Crate>) -> Result<String> {
    let Id { name, version } = id;
    Ok(match found.is_some_and(|found| found.ours) {
        true => format!("uniultra:{name}@{version}"),
        false => purl(id)?.to_string(),
    })
}

fn purl(id: &Id) -> Result<Purl> {
    let Id { name, version } = id;
    let purl = Purl::new("cargo", name, version).with_context(|| name.clone())?;
    // The crate leaves the `+` before a version's build part, which means a blank where URLs are decoded.
    purl.as_ref().replace('+', "%2B").parse().ok().with_context(|| name.clone())
}

fn of_crate(id: &Id, found: &Crate) -> Result<Component> {
    let reference = reference(id, Some(found))?;
    Ok(Component {
        description: found.description.as_deref().map(NormalizedString::new),
        scope: Some(if found.linked { Scope::Required } else { Scope::Excluded }),
        hashes: found.sha256.as_deref().map(sha256),
        licenses: found.licence.as_deref().map(licence),
        purl: if found.ours { None } else { Some(purl(id)?) },
        external_references: found.repository.as_deref().map(source),
        ..Component::new(Classification::Library, &id.name, &id.version, Some(reference))
    })
}

fn library_reference(library: &Library) -> String {
    format!("toolchain:{}", library.name)
}

fn of_library(library: &Library) -> Component {
    let reference = Some(library_reference(library));
    Component {
        version: library.version.as_deref().map(NormalizedString::new),
        description: Some(NormalizedString::new(library.description)),
        scope: Some(Scope::Required),
        licenses: Some(licence(library.licence)),
        external_references: Some(source(library.repository)),
        ..Component::new(Classification::Library, library.name, "", reference)
    }
}

/// An SPDX expression, or words where it is none.
fn licence(text: &str) -> Licenses {
    let choice = match SpdxExpression::try_from(text.to_string()) {
        Ok(expression) => LicenseChoice::Expression(expression),
        Err(_) => LicenseChoice::license(text),
    };
    Licenses(vec![choice])
}

fn sha256(hex: &str) -> Hashes {
    Hashes(vec![Hash { alg: HashAlgorithm::SHA_256, content: HashValue(hex.to_string()) }])
}

fn source(url: &str) -> ExternalReferences {
    ExternalReferences(vec![ExternalReference::new(ExternalReferenceType::Vcs, Uri::new(url))])
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
