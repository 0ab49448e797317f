//! Times and durations as text: RFC 3339 as Go reads and writes it, and Go's durations.
//!
//! A time is a pair of Unix seconds and nanoseconds; no clock is read here. The sentences about texts that are no times
//! are those of Go's `time` package, for they reach clients.

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds on top, below a billion.
    pub nanos: u32,
}

/// The layouts of `metav1.Time` and `metav1.MicroTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// RFC 3339; a fraction of a second may be read and is never written.
    Seconds,
    /// RFC 3339 with exactly six digits of a second's fraction.
    Micros,
}

/// A text that is not a time; Display is Go's sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parsing time {}{}", quote(.text), .what)]
pub struct TimeError {
    text: String,
    what: String,
}

/// Seconds of 0001-01-01T00:00:00Z, Go's zero time, which is written as null.
const ZERO_SECONDS: i64 = -62_135_596_800;
/// Seconds of 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z, between which times have a text.
const FIRST_SECONDS: i64 = -62_167_219_200;
const LAST_SECONDS: i64 = 253_402_300_799;
const DAY: i64 = 86_400;

impl Layout {
    fn text(self) -> &'static str {
        match self {
            Self::Seconds => "2006-01-02T15:04:05Z07:00",
            Self::Micros => "2006-01-02T15:04:05.000000Z07:00",
        }
    }
}

impl Time {
    /// Reads a time.
    ///
    /// # Errors
    /// [`TimeError`] where the text is not a time of this layout.
    pub fn parse(text: &str, layout: Layout) -> Result<Self, TimeError> {
        let mut parser = Parser { text, rest: text, layout };
        let year = parser.digits(4, 4, "2006")?;
        parser.literal("-")?;
        let month = parser.number("01", "month", 1, 12)?;
        parser.literal("-")?;
        let day = parser.digits(2, 2, "02")?;
        parser.literal("T")?;
        let hour = parser.hour()?;
        parser.literal(":")?;
        let minute = parser.number("04", "minute", 0, 59)?;
        parser.literal(":")?;
        let second = parser.number("05", "second", 0, 59)?;
        let nanos = parser.fraction()?;
        let offset = parser.zone()?;
        if !parser.rest.is_empty() {
            return Err(parser.error(format!(": extra text: {}", quote(parser.rest))));
        }
        if day < 1 || day > days_in(year, month) {
            return Err(parser.error(": day out of range".to_owned()));
        }
        let seconds = days_from_civil(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset;
        let time = Self { seconds, nanos };
        // A zone may lead out of the years that can be written.
        if time.has_text() { Ok(time) } else { Err(parser.error(": year outside of range [0,9999]".to_owned())) }
    }

    /// Whether the year in UTC is one of those that a text can have, 0 to 9999.
    #[must_use]
    pub fn has_text(self) -> bool {
        (FIRST_SECONDS..=LAST_SECONDS).contains(&self.seconds)
    }

    /// Writes the time in UTC.
    #[must_use]
    pub fn format(self, layout: Layout) -> String {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(DAY));
        let rest = self.seconds.rem_euclid(DAY);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if layout == Layout::Micros {
            text.push_str(&format!(".{:06}", self.nanos / 1000));
        }
        text.push('Z');
        text
    }

    /// Whether it is Go's zero time, which JSON shows as null.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanos == 0
    }
}

/// The `time` package's own quoting: what is not printable ASCII byte by byte.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..0x80 => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

struct Parser<'t> {
    text: &'t str,
    rest: &'t str,
    layout: Layout,
}

impl Parser<'_> {
    fn error(&self, what: String) -> TimeError {
        TimeError { text: self.text.to_owned(), what }
    }

    fn expected(&self, element: &str) -> TimeError {
        let layout = quote(self.layout.text());
        self.error(format!(" as {layout}: cannot parse {} as {}", quote(self.rest), quote(element)))
    }

    fn literal(&mut self, literal: &str) -> Result<(), TimeError> {
        self.rest = self.rest.strip_prefix(literal).ok_or_else(|| self.expected(literal))?;
        Ok(())
    }

    fn digits(&mut self, least: usize, most: usize, element: &str) -> Result<i64, TimeError> {
        let length = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if length < least {
            return Err(self.expected(element));
        }
        let (digits, rest) = self.rest.split_at(length);
        self.rest = rest;
        Ok(digits.bytes().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
    }

    fn number(&mut self, element: &str, name: &str, least: i64, most: i64) -> Result<i64, TimeError> {
        let value = self.digits(2, 2, element)?;
        if value < least || value > most {
            return Err(self.error(format!(": {name} out of range")));
        }
        Ok(value)
    }

    /// Go reads an hour of one digit too.
    fn hour(&mut self) -> Result<i64, TimeError> {
        let hour = self.digits(1, 2, "15")?;
        if hour > 23 { Err(self.error(": hour out of range".to_owned())) } else { Ok(hour) }
    }

    fn fraction(&mut self) -> Result<u32, TimeError> {
        let length = match self.rest.as_bytes() {
            [b'.' | b',', rest @ ..] => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        let wanted = match self.layout {
            Layout::Seconds => length,
            Layout::Micros if length < 6 => return Err(self.expected(".000000")),
            Layout::Micros => 6,
        };
        if wanted == 0 {
            return Ok(0);
        }
        let digits = self.rest[1..=wanted].bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanos = digits.fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
        self.rest = &self.rest[1 + wanted..];
        Ok(nanos)
    }

    fn zone(&mut self) -> Result<i64, TimeError> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Ok(0);
        }
        let bytes = self.rest.as_bytes();
        let [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2, ..] = *bytes else { return Err(self.expected("Z07:00")) };
        if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
            return Err(self.expected("Z07:00"));
        }
        let pair = |a: u8, b: u8| i64::from(a - b'0') * 10 + i64::from(b - b'0');
        let (hours, minutes) = (pair(h1, h2), pair(m1, m2));
        if hours > 24 {
            return Err(self.error(": time zone offset hour out of range".to_owned()));
        }
        if minutes > 60 {
            return Err(self.error(": time zone offset minute out of range".to_owned()));
        }
        self.rest = &self.rest[6..];
        let offset = hours * 3600 + minutes * 60;
        Ok(if sign == b'-' { -offset } else { offset })
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar; years begin in March inside, so that the leap
/// day is a year's last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Reads Go's text of a duration (`1h15m30.5s`) as nanoseconds; `None` where it is none.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number);
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        rest = after;
        let scale: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
        let digits = &fraction[..fraction.len().min(18)];
        let part: i128 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
        let divisor = 10_i128.pow(u32::try_from(digits.len()).ok()?);
        total = total.checked_add(whole * scale + part * scale / divisor)?;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

/// Writes a duration in nanoseconds as Go does: `1h0m0s`, `1.5s`, `100ms`.
#[must_use]
pub fn format_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let fraction = |value: u64, unit: u64| {
        let digits = format!("{:0width$}", value % unit, width = unit.ilog10() as usize);
        let digits = digits.trim_end_matches('0').to_owned();
        let whole = value / unit;
        if digits.is_empty() { whole.to_string() } else { format!("{whole}.{digits}") }
    };
    match nanos {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{nanos}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", fraction(nanos, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", fraction(nanos, 1_000_000)),
        _ => {
            let minutes = nanos / 60_000_000_000;
            let seconds = fraction(nanos % 60_000_000_000, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
                (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_as_go_does() {
        let rows = [
            ("2008-01-01T01:01:01Z", "2008-01-01T01:01:01Z"),
            ("2020-02-29T23:30:00+02:00", "2020-02-29T21:30:00Z"),
            ("2020-01-01T00:00:00.999-00:30", "2020-01-01T00:30:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"),
            ("2020-01-01T5:00:00Z", "2020-01-01T05:00:00Z"),
            ("0000-01-01T01:00:00+01:00", "0000-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ];
        for (text, expected) in rows {
            assert_eq!(Time::parse(text, Layout::Seconds).unwrap().format(Layout::Seconds), expected, "{text}");
        }
        let micro = Time::parse("2010-01-01T01:01:01.000010Z", Layout::Micros).unwrap();
        assert_eq!(micro.format(Layout::Micros), "2010-01-01T01:01:01.000010Z");
        assert!(Time::parse("0001-01-01T00:00:00Z", Layout::Seconds).unwrap().is_zero());
    }

    #[test]
    fn others_are_refused_in_gos_words() {
        let layout = "\"2006-01-02T15:04:05Z07:00\"";
        let rows = [
            ("x", format!("parsing time \"x\" as {layout}: cannot parse \"x\" as \"2006\"")),
            ("2020-13-01T00:00:00Z", "parsing time \"2020-13-01T00:00:00Z\": month out of range".to_owned()),
            ("2021-02-29T00:00:00Z", "parsing time \"2021-02-29T00:00:00Z\": day out of range".to_owned()),
            (
                "0000-01-01T00:00:00+00:01",
                "parsing time \"0000-01-01T00:00:00+00:01\": year outside of range [0,9999]".to_owned(),
            ),
            (
                "9999-12-31T23:59:59-00:01",
                "parsing time \"9999-12-31T23:59:59-00:01\": year outside of range [0,9999]".to_owned(),
            ),
            ("2020-01-01", format!("parsing time \"2020-01-01\" as {layout}: cannot parse \"\" as \"T\"")),
            (
                "2020-01-01T00:00:00Zé",
                r#"parsing time "2020-01-01T00:00:00Z\xc3\xa9": extra text: "\xc3\xa9""#.to_owned(),
            ),
        ];
        for (text, expected) in rows {
            assert_eq!(Time::parse(text, Layout::Seconds).unwrap_err().to_string(), expected);
        }
        assert_eq!(
            Time::parse("2020-01-01T00:00:00Z", Layout::Micros).unwrap_err().to_string(),
            "parsing time \"2020-01-01T00:00:00Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as \
             \".000000\""
        );
    }

    #[test]
    fn no_second_is_out_of_range() {
        for seconds in [i64::MIN, -1, 0, i64::MAX] {
            assert!(Time { seconds, nanos: 0 }.format(Layout::Seconds).ends_with('Z'));
        }
    }

    #[test]
    fn durations_are_gos() {
        for (text, nanos, written) in [
            ("1h15m30.5s", 4_530_500_000_000, "1h15m30.5s"),
            ("90s", 90_000_000_000, "1m30s"),
            ("1.5ms", 1_500_000, "1.5ms"),
            ("-2us", -2_000, "-2µs"),
            ("0", 0, "0s"),
        ] {
            assert_eq!(parse_duration(text), Some(nanos), "{text}");
            assert_eq!(format_duration(nanos), written);
        }
        for text in ["", "1", "1x", ".s", "s", "1..2s", "9999999999999h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
