//! Gives the shared library the name that programs ask the loader for.

fn main() {
    // Changes with what breaks programs that were linked before: with the ABI's version, from 1 on.
    const SONAME: &str = "libuniultra_c.so.0";
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
    }
}
