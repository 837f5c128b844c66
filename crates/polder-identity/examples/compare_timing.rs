//! Whether the time of comparing a secret's hash tells how far it agrees: Welch's t-test between hashes that differ in the first digit
//! and in the last. Below 4.5 in magnitude nothing is told (the bound of the TVLA tests). Run it with `--release`, on a quiet machine.

#![expect(clippy::print_stdout, reason = "a measurement is for reading")]

use std::hint::black_box;
use std::time::Instant;

use polder_identity::secret;

const ROUNDS: usize = 20_000;
const BATCH: usize = 64;

fn main() {
    let kept = secret::hash("a secret");
    let flip = |at: usize| {
        let mut bytes = kept.clone().into_bytes();
        bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let (first, last) = (flip(0), flip(kept.len() - 1));
    let ours = welch(&kept, &first, &last, secret::same);
    // What a plain compare would tell, to see that the measurement can see anything.
    let plain = welch(&kept, &first, &last, |a, b| a.bytes().zip(b.bytes()).all(|(a, b)| a == b));
    println!("constant-time compare: t = {ours:.2}; plain compare: t = {plain:.2}");
}

/// The t of the two kinds of wrong hashes, taken in turns so that what else the machine does is shared alike.
fn welch(kept: &str, first: &str, last: &str, same: impl Fn(&str, &str) -> bool) -> f64 {
    let mut times = [Vec::with_capacity(ROUNDS), Vec::with_capacity(ROUNDS)];
    for round in 0..2 * ROUNDS {
        let wrong = if round % 2 == 0 { first } else { last };
        let started = Instant::now();
        for _ in 0..BATCH {
            black_box(same(black_box(kept), black_box(wrong)));
        }
        times[round % 2].push(started.elapsed().as_secs_f64() * 1e9);
    }
    let [first, last] = times.map(trimmed);
    (first.0 - last.0) / (first.1 + last.1).sqrt()
}

/// The mean, and the variance of the mean, without the slowest tenth: those are interrupts.
fn trimmed(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    times.truncate(times.len() * 9 / 10);
    let count = times.len() as f64;
    let mean = times.iter().sum::<f64>() / count;
    let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}
