//! The benchmark `instructions` as a program.

mod instructions;

fn main() {
    instructions::run();
}
