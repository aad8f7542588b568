//! Random bits for keys.

use super::milliseconds;
use super::system_call::system_call;

/// Returns 64 bits that no one outside can guess; where the kernel gives none, bits that differ from run to run.
pub fn random() -> u64 {
    let mut bits = 0u64;
    // SAFETY: `bits` has the 8 bytes that are asked for.
    let got = unsafe {
        let place = (&raw mut bits).expose_provenance();
        system_call(libc::SYS_getrandom, [place, size_of::<u64>(), libc::GRND_NONBLOCK as usize, 0, 0, 0])
    };
    if got == size_of::<u64>() as isize {
        return bits;
    }
    let address = &raw const bits as u64;
    (address ^ milliseconds().rotate_left(40)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
