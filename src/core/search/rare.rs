//! Which byte of a text to look for first: the one that other texts have least.

/// How often a byte stands in the texts that sessions hold (prose, code, JSON), from 0 (hardly ever) to 255.
///
/// Counted in steps, by hand, over English prose and source code: an order is all that is needed.
pub fn frequency(byte: u8) -> u8 {
    const BY_FREQUENCY: &[u8] = b" etaoinsrlcdpumhfg\"b,.y_-:w/v()k01;='2x\n{}[]<>*3458967`|#j\\qz+&$!?@%~^";
    let lower = byte.to_ascii_lowercase();
    match BY_FREQUENCY.iter().position(|b| *b == lower) {
        Some(at) => 255 - u8::try_from(at * 3).unwrap_or(254),
        None if byte < 0x80 => 4,
        // A byte of a character that takes several: frequent in some languages, and absent in most texts.
        None => 60,
    }
}

/// The place of the rarest byte.
pub fn rarest(needle: &[u8]) -> usize {
    let at = (0..needle.len()).min_by_key(|at| frequency(needle[*at]));
    at.unwrap_or_default()
}
