//! The C ABI as C and C++ programs meet it: the header, the libraries, the examples, and every misuse.
//!
//! Needs a C compiler, a C++ compiler (`CC` and `CXX`, or `cc` and `c++`) and make.

mod abi;
mod c_examples;
mod calls;
mod containers;
mod destructors;
mod guest;
mod header;
mod inlined;
mod libraries;
mod locked;
mod manual;
mod misuse;
mod misuse_many;
mod misuse_page;
mod misuse_pools;
mod names;
mod places;
mod plugins;
mod registration;
mod sandbox;
mod sequences;
mod sequences_aarch64;
mod stacks;
mod switches;
mod toolchain;
mod tools;
mod wdm;
mod wdm_names;
mod words;
