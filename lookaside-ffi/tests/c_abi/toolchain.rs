//! Compilers, and the libraries that were built together with this test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// The two languages, each as strict as the header promises to be clean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Language {
    C,
    Cpp,
}

impl Language {
    /// The compiler for this language, which warns, and for which every warning is an error.
    pub fn compiler(self) -> Command {
        let (program, arguments) = match self {
            Language::C => (compiler("CC", "cc"), ["-xc", "-std=c11"]),
            Language::Cpp => (compiler("CXX", "c++"), ["-xc++", "-std=c++17"]),
        };
        let mut command = Command::new(program);
        command.args(arguments).args(["-Wall", "-Wextra", "-Werror", "-O1", "-g", "-I"]).arg(root().join("include"));
        command
    }
}

/// The compiler that an environment variable names.
pub fn compiler(variable: &str, default: &str) -> OsString {
    env::var_os(variable).unwrap_or_else(|| default.into())
}

/// What a program is linked to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    Shared,
    Static,
}

impl Link {
    pub fn name(self) -> &'static str {
        match self {
            Link::Shared => "shared",
            Link::Static => "static",
        }
    }
}

/// The folder with `liblookaside.so` and `liblookaside.a`. Cargo makes them in the same run of the compiler as the
/// crate that this test is linked to, and beside it.
pub fn libraries() -> PathBuf {
    let test = env::current_exe().expect("this test has a path");
    let folder = test.parent().expect("this test is in a folder").to_path_buf();
    for library in ["liblookaside.so", "liblookaside.a"] {
        assert!(folder.join(library).is_file(), "no {library} in {}", folder.display());
    }
    folder
}

/// Links what a compiler makes in this folder to a library.
pub fn link_to(compiler: &mut Command, link: Link, out: &Path) {
    match link {
        Link::Static => {
            compiler.arg(libraries().join("liblookaside.a")).args(["-lgcc_s", "-lpthread", "-lm", "-ldl"]);
        }
        Link::Shared => {
            let library = out.join("liblookaside.so.0.2");
            fs::copy(libraries().join("liblookaside.so"), &library).expect("it is copied");
            compiler.arg(library).arg("-Wl,-rpath,$ORIGIN");
        }
    }
}

/// The workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace").to_path_buf()
}

/// An empty folder for what a test builds.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // The folder is usually not there yet; if it cannot be removed, the next line fails.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a scratch folder is made");
    folder
}

/// Runs make in the folder of the examples, whose Makefile is the one place that knows how to link the library.
pub fn make(link: Link, out: &Path, arguments: &[&str]) {
    let mut command = Command::new("make");
    command
        .arg("-C")
        .arg(root().join("c-examples"))
        .arg(format!("LINK={}", link.name()))
        .arg(format!("LIBDIR={}", libraries().display()))
        .arg(format!("OUT={}", out.display()))
        .args(arguments)
        .envs([("CC", compiler("CC", "cc")), ("CXX", compiler("CXX", "c++"))])
        // Flags of a make or a cargo around this test are not meant for this make.
        .env_remove("MAKEFLAGS")
        .env_remove("MFLAGS");
    succeed(&mut command);
}

/// Builds a source of this folder as the examples are built, in a folder of this name, with these flags and debugging
/// information.
pub fn build(name: &str, source: &str, language: Language, link: Link, flags: &str) -> PathBuf {
    let out = scratch(&name.replace(' ', ""));
    let path = root().join("lookaside-ffi/tests/c_abi").join(format!("{source}.c"));
    let (examples, others, extension) = match language {
        Language::C => ("C_EXAMPLES", "CXX_EXAMPLES", "c"),
        Language::Cpp => ("CXX_EXAMPLES", "C_EXAMPLES", "cpp"),
    };
    let include = format!("#include \"{}\"\n", path.display());
    fs::write(out.join(format!("{source}.{extension}")), include).expect("a source is written");
    let (folder, examples, others) =
        (format!("VPATH={}", out.display()), format!("{examples}={source}"), format!("{others}="));
    let (c, cxx) = (format!("CFLAGS={flags} -g"), format!("CXXFLAGS={flags} -g"));
    make(link, &out, &[&examples, &others, &folder, &c, &cxx]);
    out.join(source)
}

/// The engines that every program is run with: the one that this machine gets, and those without rseq.
pub const ENGINES: [Option<&str>; 3] = [None, Some("slots"), Some("trylock")];

/// A run of a program with an engine.
pub fn with_engine(program: &Path, engine: Option<&str>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("LOOKASIDE_ENGINE").envs(engine.map(|engine| ("LOOKASIDE_ENGINE", engine)));
    command
}

/// Runs a command that must succeed and gives what it printed.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{command:?}: {}\n{printed}{}", output.status, text(&output.stderr));
    printed
}

/// Runs a command. Cargo has the loader look into its own folders first, where an older build of the shared library may be
/// under the name that programs look for.
pub fn run(command: &mut Command) -> Output {
    command.env_remove("LD_LIBRARY_PATH").output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("programs print UTF-8")
}

/// Compares a text with its golden file in the folder `sequences`, or writes that anew.
pub fn compare_with_golden_file(text: &str, file: &str) {
    let path = root().join("lookaside-ffi/tests/c_abi/sequences").join(file);
    if env::var_os("LOOKASIDE_TEST_UPDATE_EXPECTED").is_some() {
        fs::write(&path, text).expect("the golden file can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    let path = path.display();
    assert_eq!(
        expected, text,
        "{path} is not what the machine executes; if that is meant, write it anew as this test says"
    );
}
