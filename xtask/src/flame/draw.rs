//! Drawing stacks as a flame graph: a picture that needs nothing beside it. A function is as wide as its
//! share of the samples and stands on the one that called it; its whole name shows under the pointer.

use std::fmt::Write as _;

use crate::flame::stacks::Frame;

const WIDTH: f64 = 1600.0;
const ROW: f64 = 16.0;
const MARGIN: f64 = 10.0;
/// Room for the title.
const HEAD: f64 = 40.0;
/// What is narrower is left out, with what it called.
const NARROWEST: f64 = 0.4;
/// How wide a letter is.
const LETTER: f64 = 6.6;

/// The picture.
pub fn svg(title: &str, all: &Frame) -> String {
    let drawing = Drawing { scale: (WIDTH - 2.0 * MARGIN) / number(all.samples.max(1)), total: all.samples };
    let height = HEAD + MARGIN + ROW * number(all.depth() as u64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\">\n\
         <style>text {{ font: 11px monospace }} g:hover rect {{ stroke: #000 }}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fffaf0\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" style=\"font-size: 16px\">{} ({} samples)</text>\n",
        escaped(title),
        all.samples
    );
    drawing.row(&mut out, all, MARGIN, height - MARGIN - ROW);
    out + "</svg>\n"
}

struct Drawing {
    /// Width of a sample.
    scale: f64,
    total: u64,
}

impl Drawing {
    /// What was called from a function, beside each other, and on them what was called from those.
    fn row(&self, out: &mut String, frame: &Frame, mut x: f64, y: f64) {
        for (name, called) in &frame.called {
            let width = number(called.samples) * self.scale;
            if width >= NARROWEST {
                self.function(out, name, called.samples, (x, y, width));
                self.row(out, called, x, y - ROW);
            }
            x += width;
        }
    }

    fn function(&self, out: &mut String, name: &str, samples: u64, (x, y, width): (f64, f64, f64)) {
        let share = number(samples) / number(self.total.max(1)) * 100.0;
        let _ = write!(
            out,
            "<g><title>{} ({samples} samples, {share:.2} %)</title>\
             <rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" rx=\"1\" fill=\"{}\"/>",
            escaped(name),
            ROW - 1.0,
            colour(name)
        );
        let letters = name.chars().count();
        let room = (1..=letters).rev().find(|&letters| number(letters as u64) * LETTER + 4.0 <= width).unwrap_or(0);
        if room >= 3 {
            let shown: String = name.chars().take(room).collect();
            let _ = write!(out, "<text x=\"{:.1}\" y=\"{}\">{}</text>", x + 2.0, y + 11.0, escaped(&shown));
        }
        out.push_str("</g>\n");
    }
}

/// Ours is red, SQLite blue, cryptography green, everything else yellow; a little different for each name.
fn colour(name: &str) -> String {
    let shade = name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 40;
    let is = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let hue = match () {
        () if is(&["polity"]) => 8,
        () if is(&["sqlite3", "rusqlite"]) => 210,
        () if is(&["aws_lc", "sha256", "sha512", "25519", "argon2"]) => 120,
        () => 45,
    };
    format!("hsl({hue}, 80%, {}%)", 60 + shade / 2)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Counts of samples are far below what a float cannot hold.
fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flame::stacks::add_up;

    #[test]
    fn a_function_is_as_wide_as_its_share() {
        let all = add_up("t\n\t1 main<T> (/b)\n\nt\n\t2 other (/b)\n\n");
        let svg = svg("a & b", &all);
        assert!(svg.contains("a &amp; b (2 samples)") && svg.contains("main&lt;T&gt; (1 samples, 50.00 %)"), "{svg}");
        assert_eq!(svg.matches("width=\"790.0\"").count(), 2);
    }
}
