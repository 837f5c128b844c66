//! Rows that are copied in, from PostgreSQL's text form to CSV, which is what files of rows are read as.
//!
//! The rules of the text form are in PostgreSQL's documentation of COPY, under "Text Format": fields are told apart by one character, a
//! backslash takes the meaning from the character after it or gives it one, and a line of `\.` ends the data.

/// What a missing value is in the CSV that comes of it.
pub(crate) const NULL: &str = "\\N";

/// Rows in text form, taken as they come, in pieces that end anywhere.
pub(crate) struct Text {
    delimiter: u8,
    null: Vec<u8>,
    /// The field at hand: as it came, by which a missing value is known, and as it is meant.
    raw: Vec<u8>,
    meant: Vec<u8>,
    state: State,
    /// Whether the row at hand has a field already, or part of one; and whether it has a whole one.
    begun: bool,
    several: bool,
    /// Whether the end of the data was seen.
    ended: bool,
}

/// What came before the next byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Plain,
    /// A carriage return, which belongs to a line break if one follows.
    Return,
    Escape,
    /// Octal digits: their value and how many there may still be.
    Octal(u8, u8),
    /// `\x`, before its digits.
    Hex,
    /// Hexadecimal digits: their value; one more may follow.
    HexDigit(u8),
}

impl Text {
    pub(crate) fn new(delimiter: u8, null: &str) -> Self {
        Self {
            delimiter,
            null: null.as_bytes().to_vec(),
            raw: Vec::new(),
            meant: Vec::new(),
            state: State::Plain,
            begun: false,
            several: false,
            ended: false,
        }
    }

    /// Takes some bytes and puts the CSV of what is whole behind `csv`.
    pub(crate) fn take(&mut self, bytes: &[u8], csv: &mut Vec<u8>) {
        for byte in bytes {
            if self.ended {
                return;
            }
            self.byte(*byte, csv);
        }
    }

    /// Puts the last row behind `csv`, where no line break ended it.
    pub(crate) fn end(&mut self, csv: &mut Vec<u8>) {
        if self.begun && !self.ended {
            self.line(csv);
        }
    }

    fn byte(&mut self, byte: u8, csv: &mut Vec<u8>) {
        match self.state {
            State::Plain => self.plain(byte, csv),
            State::Return => {
                self.state = State::Plain;
                if byte != b'\n' {
                    self.mean(b'\r');
                    self.raw.push(b'\r');
                }
                self.plain(byte, csv);
            }
            State::Escape => self.escaped(byte),
            State::Octal(value, left) => match byte {
                b'0'..=b'7' if left > 0 => {
                    self.raw.push(byte);
                    self.state = State::Octal(value.wrapping_mul(8).wrapping_add(byte - b'0'), left - 1);
                }
                _ => self.settle(value, byte, csv),
            },
            State::Hex => match hex(byte) {
                Some(digit) => {
                    self.raw.push(byte);
                    self.state = State::HexDigit(digit);
                }
                // Without digits it is the letter.
                None => self.settle(b'x', byte, csv),
            },
            State::HexDigit(value) => match hex(byte) {
                Some(digit) => {
                    self.raw.push(byte);
                    self.mean(value * 16 + digit);
                    self.state = State::Plain;
                }
                None => self.settle(value, byte, csv),
            },
        }
    }

    /// Ends what a backslash began, and goes on with the byte that is no part of it.
    fn settle(&mut self, value: u8, byte: u8, csv: &mut Vec<u8>) {
        self.mean(value);
        self.state = State::Plain;
        self.plain(byte, csv);
    }

    fn plain(&mut self, byte: u8, csv: &mut Vec<u8>) {
        match byte {
            b'\n' => self.line(csv),
            b'\r' => {
                self.begun = true;
                self.state = State::Return;
            }
            _ if byte == self.delimiter => {
                (self.begun, self.several) = (true, true);
                self.field(csv);
                csv.push(b',');
            }
            _ => {
                self.begun = true;
                self.raw.push(byte);
                match byte {
                    b'\\' => self.state = State::Escape,
                    _ => self.mean(byte),
                }
            }
        }
    }

    fn escaped(&mut self, byte: u8) {
        self.raw.push(byte);
        self.state = State::Plain;
        match byte {
            b'b' => self.mean(0x08),
            b'f' => self.mean(0x0c),
            b'n' => self.mean(b'\n'),
            b'r' => self.mean(b'\r'),
            b't' => self.mean(b'\t'),
            b'v' => self.mean(0x0b),
            b'0'..=b'7' => self.state = State::Octal(byte - b'0', 2),
            b'x' => self.state = State::Hex,
            other => self.mean(other),
        }
    }

    fn mean(&mut self, byte: u8) {
        self.meant.push(byte);
    }

    /// Ends a field. One that is missing stands without quotes, every other within.
    fn field(&mut self, csv: &mut Vec<u8>) {
        match self.state {
            State::Octal(value, _) | State::HexDigit(value) => self.mean(value),
            State::Hex => self.mean(b'x'),
            State::Escape => self.mean(b'\\'),
            State::Plain | State::Return => {}
        }
        self.state = State::Plain;
        if self.raw == self.null {
            csv.extend_from_slice(NULL.as_bytes());
        } else {
            quoted(&self.meant, csv);
        }
        self.raw.clear();
        self.meant.clear();
    }

    fn line(&mut self, csv: &mut Vec<u8>) {
        if self.raw == b"\\." && !self.several {
            self.ended = true;
            return;
        }
        self.field(csv);
        csv.push(b'\n');
        (self.begun, self.several) = (false, false);
    }
}

/// Puts a value in quotes, those in it doubled.
pub(super) fn quoted(value: &[u8], csv: &mut Vec<u8>) {
    csv.push(b'"');
    for byte in value {
        if *byte == b'"' {
            csv.push(b'"');
        }
        csv.push(*byte);
    }
    csv.push(b'"');
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &[u8]) -> String {
        let whole = {
            let (mut rows, mut csv) = (Text::new(b'\t', "\\N"), Vec::new());
            rows.take(text, &mut csv);
            rows.end(&mut csv);
            csv
        };
        // Wherever it is cut, it is the same.
        let (mut rows, mut by_bytes) = (Text::new(b'\t', "\\N"), Vec::new());
        text.iter().for_each(|byte| rows.take(&[*byte], &mut by_bytes));
        rows.end(&mut by_bytes);
        assert_eq!(whole, by_bytes);
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn fields_are_taken_as_they_are_meant() {
        let table: [(&[u8], &str); 15] = [
            (b"1\tAda\n2\t\\N\n", "\"1\",\"Ada\"\n\"2\",\\N\n"),
            (b"1\tAda", "\"1\",\"Ada\"\n"),
            (b"\\N\n", "\\N\n"),
            (b"\n", "\"\"\n"),
            (b"\t\n", "\"\",\"\"\n"),
            (b"a\\tb\\nc\\\\N\n", "\"a\tb\nc\\N\"\n"),
            (b"say \"hi\", you\n", "\"say \"\"hi\"\", you\"\n"),
            (b"\\101\\x41\\x4a!\\1012\\7z\\xg\n", "\"AAJ!A2\x07zxg\"\n"),
            (b"a\r\nb\rc\r\n", "\"a\"\n\"b\rc\"\n"),
            (b"a\\\nb\n", "\"a\nb\"\n"),
            (b"1\n\\.\n2\n", "\"1\"\n"),
            (b"\\\\.\n", "\"\\.\"\n"),
            (b"1\t\\.\n", "\"1\",\".\"\n"),
            (b"a\\", "\"a\\\"\n"),
            ("é\n".as_bytes(), "\"é\"\n"),
        ];
        for (text, expected) in table {
            assert_eq!(csv(text), expected, "{:?}", String::from_utf8_lossy(text));
        }
    }
}
