//! The text of quantities (`100m`, `1Gi`): checked, and brought into the form that upstream stores and answers.
//!
//! Upstream keeps a text that is canonical enough (`1500m`, `1Gi`) and rewrites the others: `0.5` becomes `500m`,
//! `1024Mi` becomes `1Gi`, digits below a billionth are rounded up. Every step is done on decimal digits, so no number
//! is too large and none loses a digit. [`Quantity`] is the number itself: it compares and calculates.
//!
//! Source: the API reference of `resource.Quantity`.

mod number;

use std::borrow::Cow;

pub use number::Quantity;

/// Why a text is not a quantity; the sentences are upstream's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The text does not have the form of a quantity.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The suffix is none of the known ones.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// The digits are not a number.
    #[error("unable to parse numeric part of quantity")]
    Numeric,
}

/// How a quantity was written, and so how it is written back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// With a suffix of a power of ten: `100m`, `5k`. The form of numbers without a suffix, too.
    #[default]
    DecimalSi,
    /// With a suffix of a power of two: `1Gi`.
    BinarySi,
    /// With an exponent: `1e3`.
    Exponent,
}

/// The digits of a quantity: `digits` × 10^`scale`.
struct Amount {
    negative: bool,
    /// Decimal digits, without zeros in front; empty for zero.
    digits: String,
    scale: i64,
}

/// Digits that int64 holds for certain.
const MAX_INT64_DIGITS: i64 = 18;
/// The smallest unit, a billionth.
const NANO: i64 = -9;
/// What a binary quantity is cut to: the largest int64.
const MAX_BINARY: i128 = i64::MAX as i128;

/// The text that upstream answers for a quantity given as `text`, blanks around it left out.
///
/// # Errors
/// [`QuantityError`] where the text is not a quantity.
pub fn canonical(text: &str) -> Result<Cow<'_, str>, QuantityError> {
    let text = text.trim();
    if text == "0" {
        return Ok(Cow::Borrowed(text));
    }
    let parts = Parts::split(text)?;
    let (exponent, format) = suffix(parts.suffix)?;
    let digits: String = [parts.whole, parts.fraction].concat();
    // Zeros in front of the whole digits don't count, those of a fraction without any do.
    let length = i64::try_from(parts.whole.len().max(1) + parts.fraction.len()).unwrap_or(i64::MAX);
    let fraction = i64::try_from(parts.fraction.len()).unwrap_or(i64::MAX);
    let precision = match format {
        Format::DecimalSi | Format::Exponent => MAX_INT64_DIGITS - length,
        Format::BinarySi if parts.fraction.is_empty() => 15 - length - exponent * 3 / 10 - 1,
        Format::BinarySi => -1,
    };
    let scale = if format == Format::BinarySi { 0 } else { exponent - fraction };
    if precision >= 0 && scale >= NANO {
        let value: i64 = digits
            .parse()
            .map_err(|_| QuantityError::Numeric)
            .or_else(|error| if digits.is_empty() { Ok(0) } else { Err(error) })?;
        let kept = match format {
            Format::BinarySi => exponent % 10 == 0 && value & 7 != 0,
            // A whole part of nothing but zeros counts as one zero in front.
            _ => scale % 3 == 0 && !digits.ends_with("000") && !parts.whole.is_empty(),
        };
        if kept {
            return Ok(Cow::Borrowed(text));
        }
        let value = if format == Format::BinarySi { i128::from(value) << exponent } else { i128::from(value) };
        return Ok(Cow::Owned(write(&Amount::new(parts.negative, &value.to_string(), scale), format)));
    }
    if !parts.has_digits {
        return Err(QuantityError::Numeric);
    }
    if format == Format::BinarySi {
        let amount = binary(&parts, exponent);
        let format = if amount.is_below_one() { Format::DecimalSi } else { Format::BinarySi };
        return Ok(Cow::Owned(write(&amount, format)));
    }
    let mut amount = Amount::new(parts.negative, &digits, scale);
    amount.round_up(NANO);
    Ok(Cow::Owned(write(&amount, format)))
}

/// The number that `text` gives, cut to billionths, and how it was written.
fn amount(text: &str) -> Result<(Amount, Format), QuantityError> {
    canonical(text)?;
    let parts = Parts::split(text.trim())?;
    let (exponent, format) = suffix(parts.suffix)?;
    if format == Format::BinarySi {
        return Ok((binary(&parts, exponent), format));
    }
    let fraction = i64::try_from(parts.fraction.len()).unwrap_or(i64::MAX);
    let digits: String = [parts.whole, parts.fraction].concat();
    let mut amount = Amount::new(parts.negative, &digits, exponent - fraction);
    amount.round_up(NANO);
    Ok((amount, format))
}

struct Parts<'t> {
    negative: bool,
    /// Without zeros in front.
    whole: &'t str,
    fraction: &'t str,
    has_digits: bool,
    suffix: &'t str,
}

impl<'t> Parts<'t> {
    fn split(text: &'t str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(QuantityError::Format);
        }
        let negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, rest) = digits(unsigned);
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => digits(rest),
            None => ("", rest),
        };
        let letters = rest.trim_start_matches(['e', 'E', 'i', 'n', 'u', 'm', 'k', 'K', 'M', 'G', 'T', 'P']);
        let (_, tail) = digits(letters.strip_prefix(['-', '+']).unwrap_or(letters));
        if !tail.is_empty() {
            return Err(QuantityError::Format);
        }
        // Short texts without any digit ("k", ".") are zero, as upstream has it.
        let has_digits = !whole.is_empty() || !fraction.is_empty();
        Ok(Self { negative, whole: whole.trim_start_matches('0'), fraction, has_digits, suffix: rest })
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

fn suffix(text: &str) -> Result<(i64, Format), QuantityError> {
    Ok(match text {
        "" => (0, Format::DecimalSi),
        "n" => (-9, Format::DecimalSi),
        "u" => (-6, Format::DecimalSi),
        "m" => (-3, Format::DecimalSi),
        "k" => (3, Format::DecimalSi),
        "M" => (6, Format::DecimalSi),
        "G" => (9, Format::DecimalSi),
        "T" => (12, Format::DecimalSi),
        "P" => (15, Format::DecimalSi),
        "E" => (18, Format::DecimalSi),
        "Ki" => (10, Format::BinarySi),
        "Mi" => (20, Format::BinarySi),
        "Gi" => (30, Format::BinarySi),
        "Ti" => (40, Format::BinarySi),
        "Pi" => (50, Format::BinarySi),
        "Ei" => (60, Format::BinarySi),
        _ => {
            let exponent = text.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
            let exponent: i64 = exponent.parse().map_err(|_| QuantityError::Suffix)?;
            // Upstream cuts the exponent to 32 bits.
            #[expect(clippy::cast_possible_truncation, reason = "as upstream does")]
            let exponent = exponent as i32;
            (i64::from(exponent), Format::Exponent)
        }
    })
}

/// A binary quantity with a fraction or many digits: whole and fraction apart, both times 2^exponent.
fn binary(parts: &Parts<'_>, exponent: i64) -> Amount {
    // More than 19 digits are beyond the largest int64 for certain.
    let whole: i128 = if parts.whole.len() > 19 { i128::MAX >> 61 } else { parts.whole.parse().unwrap_or(0) };
    // 28 digits of a fraction can reach a billionth when they are multiplied by 2^60. In two halves, so that they fit.
    let digits = format!("{:0<28}", &parts.fraction[..parts.fraction.len().min(28)]);
    let sticky = parts.fraction.bytes().skip(28).any(|digit| digit != b'0');
    let half = |digits: &str| digits.parse::<i128>().unwrap_or(0) << exponent;
    let (high, low) = (half(&digits[..14]), half(&digits[14..]));
    let rest = high % 100_000 * 100_000_000_000_000 + low + i128::from(sticky);
    let unit = 10_000_000_000_000_000_000;
    let billionths = high / 100_000 + rest / unit + i128::from(rest % unit > 0);
    let whole = (whole << exponent) + billionths / 1_000_000_000;
    let rest = billionths % 1_000_000_000;
    let (whole, rest) = if whole >= MAX_BINARY { (MAX_BINARY, 0) } else { (whole, rest) };
    if rest == 0 {
        return Amount::new(parts.negative, &whole.to_string(), 0);
    }
    Amount::new(parts.negative, &format!("{whole}{rest:09}"), NANO)
}

impl Amount {
    fn new(negative: bool, digits: &str, scale: i64) -> Self {
        Self { negative, digits: digits.trim_start_matches('0').to_owned(), scale }
    }

    /// Cuts what is smaller than 10^`scale`, away from zero.
    fn round_up(&mut self, scale: i64) {
        let cut = usize::try_from(scale.saturating_sub(self.scale)).unwrap_or(0);
        if cut == 0 || self.digits.is_empty() {
            return;
        }
        let kept = self.digits.len().saturating_sub(cut);
        let exact = cut <= self.digits.len() && self.digits[kept..].bytes().all(|digit| digit == b'0');
        self.digits.truncate(kept);
        self.scale = scale;
        if !exact {
            self.increment();
        }
    }

    fn increment(&mut self) {
        let nines = self.digits.len() - self.digits.trim_end_matches('9').len();
        self.digits.truncate(self.digits.len() - nines);
        let last = self.digits.pop().unwrap_or('0');
        self.digits.push(char::from_digit(last.to_digit(10).unwrap_or(0) + 1, 10).unwrap_or('0'));
        self.digits.extend(std::iter::repeat_n('0', nines));
    }

    fn is_below_one(&self) -> bool {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX) + self.scale <= 0
    }

    fn is_whole(&self) -> bool {
        self.scale >= 0 || {
            let cut = usize::try_from(-self.scale).unwrap_or(usize::MAX);
            let zeros = self.digits.len() - self.digits.trim_end_matches('0').len();
            zeros >= cut
        }
    }
}

fn write(amount: &Amount, format: Format) -> String {
    if amount.digits.is_empty() {
        return "0".to_owned();
    }
    let sign = if amount.negative { "-" } else { "" };
    if format == Format::BinarySi && amount.is_whole() {
        // A binary amount is at most the largest int64, and whole: no scale.
        let cut = usize::try_from(-amount.scale).unwrap_or(0);
        let mut value: i128 = amount.digits[..amount.digits.len() - cut].parse().unwrap_or(MAX_BINARY);
        if value >= 1024 {
            let mut suffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter();
            let mut suffix = suffixes.next().unwrap_or(&"");
            while value % 1024 == 0 {
                value /= 1024;
                suffix = suffixes.next().unwrap_or(suffix);
            }
            return format!("{sign}{value}{suffix}");
        }
    }
    let trimmed = amount.digits.trim_end_matches('0');
    let zeros = i64::try_from(amount.digits.len() - trimmed.len()).unwrap_or(0);
    let exponent = amount.scale + zeros;
    let padding = exponent.rem_euclid(3);
    let exponent = exponent - padding;
    let padding = &"00"[..usize::try_from(padding).unwrap_or(0)];
    let suffix = match (format, exponent) {
        (_, 0) => String::new(),
        (Format::Exponent, exponent) => format!("e{exponent}"),
        (_, exponent) => decimal_suffix(exponent).to_owned(),
    };
    format!("{sign}{trimmed}{padding}{suffix}")
}

/// The suffix of a power of ten; nothing beyond exa, as upstream has it.
fn decimal_suffix(exponent: i64) -> &'static str {
    match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_canonical() {
        let rows = [
            ("0", "0"),
            ("1", "1"),
            ("0.5", "500m"),
            ("1.5", "1500m"),
            ("100m", "100m"),
            ("1000m", "1"),
            ("1024Mi", "1Gi"),
            ("1Gi", "1Gi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("1023Ki", "1023Ki"),
            ("1024", "1024"),
            ("1000000", "1M"),
            ("1e3", "1e3"),
            ("10e3", "10e3"),
            ("1e4", "10e3"),
            ("0.0000000001", "1n"),
            ("-0.5", "-500m"),
            ("100000000000000000000000", "100e21".strip_suffix("e21").unwrap()),
            ("16Ei", "9223372036854775807"),
            ("1.0000000001Gi", "1073741824107374183n"),
            (" 5 ", "5"),
            ("08", "08"),
            ("00.5", "500m"),
        ];
        for (text, expected) in rows {
            assert_eq!(canonical(text).as_deref(), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn others_are_refused_with_upstreams_sentence() {
        for (text, error) in [
            ("", QuantityError::Format),
            ("1.2.3", QuantityError::Format),
            ("5 Gi", QuantityError::Format),
            ("1GB", QuantityError::Format),
            ("1gi", QuantityError::Format),
            ("1KI", QuantityError::Format),
            ("1Kii", QuantityError::Suffix),
            ("1ee3", QuantityError::Suffix),
        ] {
            assert_eq!(canonical(text), Err(error), "{text:?}");
        }
    }
}
