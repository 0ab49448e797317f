//! Quantities as numbers: compared, added, multiplied, rounded.
//!
//! The value is a decimal of at most 38 digits in units of a power of ten, a billionth at least, which is exact for
//! whatever a cluster counts. Digits beyond the 38th are rounded away from zero; upstream has numbers of any length there.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use super::{Amount, Format, NANO, QuantityError, amount, write};

/// Digits that a mantissa holds for certain.
const MAX_DIGITS: usize = 38;

/// A quantity as a number. Two are equal when their values are, however they are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quantity {
    /// Without zeros at its end; 0 for zero.
    mantissa: i128,
    /// The power of ten that it counts, at least -9; 0 for zero.
    scale: i64,
    format: Format,
}

impl Quantity {
    /// Zero.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0, format: Format::DecimalSi };

    /// `value` whole units, written with decimal suffixes.
    #[must_use]
    pub fn new(value: i64) -> Self {
        Self::reduced(i128::from(value), 0, Format::DecimalSi)
    }

    /// `value` thousandths, written with decimal suffixes.
    #[must_use]
    pub fn from_milli(value: i64) -> Self {
        Self::reduced(i128::from(value), -3, Format::DecimalSi)
    }

    /// The same value, written in another way.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// Reads a quantity.
    ///
    /// # Errors
    /// [`QuantityError`] where the text is none.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (mut amount, format) = amount(text)?;
        if amount.digits.len() > MAX_DIGITS {
            let cut = i64::try_from(amount.digits.len() - MAX_DIGITS).unwrap_or(i64::MAX);
            amount.round_up(amount.scale + cut);
        }
        let mantissa = amount.digits.parse::<i128>().unwrap_or(0);
        Ok(Self::reduced(if amount.negative { -mantissa } else { mantissa }, amount.scale, format))
    }

    /// How it is written.
    #[must_use]
    pub fn format(self) -> Format {
        self.format
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// Whether it is less than zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.mantissa < 0
    }

    /// Whether it is more than zero.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.mantissa > 0
    }

    /// Whole units, a fraction rounded away from zero; what int64 can't hold becomes its largest or smallest value.
    #[must_use]
    pub fn value(self) -> i64 {
        self.scaled(0)
    }

    /// Thousandths, rounded and bounded as [`value`](Self::value) is.
    #[must_use]
    pub fn milli_value(self) -> i64 {
        self.scaled(-3)
    }

    /// Whether it is a whole number of 10^`scale`, as `milli_value` asks with -3.
    #[must_use]
    pub fn is_multiple_of(self, scale: i64) -> bool {
        self.scale >= scale
    }

    /// The next multiple of 10^`scale`, away from zero.
    #[must_use]
    pub fn rounded(self, scale: i64) -> Self {
        match u32::try_from(scale - self.scale) {
            Ok(digits) if digits > 0 => Self::reduced(cut(self.mantissa, digits), scale, self.format),
            _ => self,
        }
    }

    /// `factor` times the quantity.
    #[must_use]
    pub fn times(self, factor: i64) -> Self {
        let product = self.mantissa.checked_mul(i128::from(factor));
        let (mantissa, scale) = match product {
            Some(product) => (product, self.scale),
            // Nineteen digits make room for the factor.
            None => (cut(self.mantissa, 19) * i128::from(factor), self.scale + 19),
        };
        Self::reduced(mantissa, scale, self.format)
    }

    fn scaled(self, scale: i64) -> i64 {
        let bound = if self.is_negative() { i64::MIN } else { i64::MAX };
        let value = match u32::try_from(self.scale - scale) {
            Ok(up) => 10_i128.checked_pow(up).and_then(|unit| self.mantissa.checked_mul(unit)),
            Err(_) => Some(cut(self.mantissa, u32::try_from(scale - self.scale).unwrap_or(u32::MAX))),
        };
        value.and_then(|value| i64::try_from(value).ok()).unwrap_or(bound)
    }

    fn reduced(mut mantissa: i128, mut scale: i64, format: Format) -> Self {
        if mantissa == 0 {
            return Self { mantissa, scale: 0, format };
        }
        if scale < NANO {
            mantissa = cut(mantissa, u32::try_from(NANO - scale).unwrap_or(u32::MAX));
            scale = NANO;
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            scale += 1;
        }
        Self { mantissa, scale, format }
    }

    /// The sum, in the format of `self`.
    fn sum(self, other: Self, sign: i128) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        let other_mantissa = other.mantissa.saturating_mul(sign);
        if self.is_zero() {
            return Self::reduced(other_mantissa, other.scale, format);
        }
        if other.is_zero() {
            return Self::reduced(self.mantissa, self.scale, format);
        }
        // What is more than 38 digits behind the first one can't be held.
        let mut scale = self.scale.min(other.scale).max(self.magnitude().max(other.magnitude()) - 37);
        loop {
            let raised = |mantissa: i128, from: i64| match u32::try_from(from - scale) {
                Ok(up) => 10_i128.checked_pow(up).and_then(|unit| mantissa.checked_mul(unit)),
                Err(_) => Some(cut(mantissa, u32::try_from(scale - from).unwrap_or(u32::MAX))),
            };
            let sum = raised(self.mantissa, self.scale)
                .zip(raised(other_mantissa, other.scale))
                .and_then(|(one, other)| one.checked_add(other));
            match sum {
                Some(sum) => return Self::reduced(sum, scale, format),
                // Too many digits: the last ones go, until the larger number fits.
                None => scale += 1,
            }
        }
    }

    /// The power of ten of the first digit.
    fn magnitude(self) -> i64 {
        self.scale + i64::from(self.mantissa.unsigned_abs().checked_ilog10().unwrap_or(0))
    }
}

/// `mantissa` without its last `digits` digits, rounded away from zero.
fn cut(mantissa: i128, digits: u32) -> i128 {
    match 10_i128.checked_pow(digits) {
        Some(unit) => mantissa / unit + if mantissa % unit == 0 { 0 } else { mantissa.signum() },
        None => mantissa.signum(),
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        let signs = self.mantissa.signum().cmp(&other.mantissa.signum());
        if signs != Ordering::Equal || self.is_zero() {
            return signs;
        }
        let magnitudes = self.magnitude().cmp(&other.magnitude());
        if magnitudes != Ordering::Equal {
            return if self.is_negative() { magnitudes.reverse() } else { magnitudes };
        }
        // The same first digit's place: the digits decide, made equally long.
        let width = |of: &Self| of.mantissa.unsigned_abs().checked_ilog10().unwrap_or(0);
        let longest = width(self).max(width(other));
        let widened = |of: &Self| of.mantissa.saturating_mul(10_i128.saturating_pow(longest - width(of)));
        widened(self).cmp(&widened(other))
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.mantissa == other.mantissa && self.scale == other.scale
    }
}

impl Eq for Quantity {}

impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.mantissa, self.scale).hash(state);
    }
}

impl Add for Quantity {
    type Output = Self;

    /// The sum; zero takes the format of what is added.
    fn add(self, other: Self) -> Self {
        self.sum(other, 1)
    }
}

impl Sub for Quantity {
    type Output = Self;

    /// The difference; zero takes the format of what is subtracted.
    fn sub(self, other: Self) -> Self {
        self.sum(other, -1)
    }
}

impl AddAssign for Quantity {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Quantity {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Quantity {
    /// The canonical text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.mantissa.unsigned_abs().to_string();
        let binary = self.format == Format::BinarySi;
        let zeros = if binary { usize::try_from(self.scale).ok().filter(|zeros| *zeros <= MAX_DIGITS) } else { None };
        let amount = match zeros {
            Some(zeros) => Amount::new(self.is_negative(), &format!("{digits}{}", "0".repeat(zeros)), 0),
            None => Amount::new(self.is_negative(), &digits, self.scale),
        };
        f.write_str(&write(&amount, self.format))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn texts_survive() {
        for text in
            ["0", "1", "100m", "1500m", "1Gi", "1536Mi", "1k", "1e3", "-5", "-100m", "1n", "9223372036854775807", "1M"]
        {
            assert_eq!(quantity(text).to_string(), text);
        }
        for (text, expected) in
            [("1024Mi", "1Gi"), ("0.5", "500m"), ("1.5Gi", "1536Mi"), ("512Ki", "512Ki"), ("0.1n", "1n")]
        {
            assert_eq!(quantity(text).to_string(), expected);
        }
    }

    #[test]
    fn values_are_compared() {
        let rising = [
            "-1Gi", "-1", "-1m", "0", "1n", "1m", "500m", "0.9", "1", "1001m", "1023", "1Ki", "1025", "1M", "1Mi",
            "1e30",
        ];
        for pair in rising.windows(2) {
            assert!(quantity(pair[0]) < quantity(pair[1]), "{pair:?}");
            assert!(quantity(pair[1]) > quantity(pair[0]), "{pair:?}");
        }
        for (one, other) in [("1", "1000m"), ("1Ki", "1024"), ("1e3", "1k"), ("0", "0Gi"), ("0.5Gi", "512Mi")] {
            assert_eq!(quantity(one), quantity(other));
            assert_eq!(quantity(one).cmp(&quantity(other)), Ordering::Equal);
        }
    }

    #[test]
    fn sums_keep_the_format_of_the_first() {
        for (one, other, sum, difference) in [
            ("1", "500m", "1500m", "500m"),
            ("1Gi", "1Gi", "2Gi", "0"),
            ("0", "1Gi", "1Gi", "-1Gi"),
            ("1Ki", "1", "1025", "1023"),
            ("1Gi", "1m", "1073741824001m", "1073741823999m"),
            ("1e3", "1", "1001e0".strip_suffix("e0").unwrap(), "999"),
            ("100m", "-100m", "0", "200m"),
        ] {
            assert_eq!((quantity(one) + quantity(other)).to_string(), sum, "{one} + {other}");
            assert_eq!((quantity(one) - quantity(other)).to_string(), difference, "{one} - {other}");
        }
        let large = quantity("99999999999999999999999999999999999999");
        assert!(large + quantity("1n") > large - quantity("1"));
        assert!(quantity("1e2000000000") + quantity("1") >= quantity("1e2000000000"));
    }

    #[test]
    fn numbers_are_rounded_away_from_zero() {
        for (text, value, milli) in [
            ("0", 0, 0),
            ("1", 1, 1000),
            ("1m", 1, 1),
            ("1n", 1, 1),
            ("-1500m", -2, -1500),
            ("1500u", 1, 2),
            ("1Gi", 1 << 30, (1 << 30) * 1000),
            ("1e30", i64::MAX, i64::MAX),
            ("-1e30", i64::MIN, i64::MIN),
        ] {
            assert_eq!((quantity(text).value(), quantity(text).milli_value()), (value, milli), "{text}");
        }
        assert!(
            quantity("1m").is_multiple_of(-3) && !quantity("1u").is_multiple_of(-3) && quantity("0").is_multiple_of(0)
        );
        assert_eq!(quantity("1500001n").rounded(-3).to_string(), "2m");
        assert_eq!(quantity("1Gi").rounded(-3).to_string(), "1Gi");
        assert_eq!(quantity("1500m").times(3).to_string(), "4500m");
        assert_eq!(quantity("1e37").times(i64::MAX).value(), i64::MAX);
    }

    #[test]
    fn others_are_refused() {
        assert_eq!(Quantity::parse("1GB"), Err(QuantityError::Format));
        assert_eq!("".parse::<Quantity>(), Err(QuantityError::Format));
    }
}
