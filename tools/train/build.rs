//! Links libtorch so that a CUDA machine's libtorch is loaded whole.

fn main() {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    // Nothing refers to a symbol of libtorch.so, which is what pulls in CUDA: `--as-needed`, the
    // linker's default here, would drop it and CUDA would silently never load.
    println!("cargo::rustc-link-arg=-Wl,--no-as-needed");
    println!("cargo::rustc-link-arg=-ltorch");
    println!("cargo::rustc-link-arg=-Wl,--as-needed");
    if let Ok(libtorch) = std::env::var("LIBTORCH") {
        // A RUNPATH: a CUDA machine's LD_LIBRARY_PATH goes before it.
        println!("cargo::rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
    }
}
