//! How long a request may take: the server's limit, or less when the client says so by `timeout=`.
//!
//! Source: k8s.io/apiserver/pkg/endpoints/filters, `WithRequestDeadline`, and Go's `time.ParseDuration`.

use std::time::Duration;

use crate::query::Query;
use crate::status::ApiError;
use howdah_api::go::quote;

/// The time a request that isn't long-running may take, from its arrival.
///
/// # Errors
/// 400 when `timeout` is no duration. Zero, negative and longer ones than `maximum` count as `maximum`.
pub(super) fn limit(query: &Query, maximum: Duration) -> Result<Duration, ApiError> {
    let Some(text) = query.get("timeout").filter(|text| !text.is_empty()) else { return Ok(maximum) };
    let asked = parse_duration(text)
        .map_err(|why| ApiError::BadRequest(format!("invalid timeout specified in the request URL - {why}")))?;
    Ok(asked.filter(|asked| !asked.is_zero() && *asked < maximum).unwrap_or(maximum))
}

/// Reads a duration as Go writes it, such as `1h2m3.5s`; `None` for negative ones.
fn parse_duration(text: &str) -> Result<Option<Duration>, String> {
    let invalid = || format!("time: invalid duration {}", quote(text));
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', ..] => (true, &text[1..]),
        [b'+', ..] => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(Some(Duration::ZERO));
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut nanoseconds: u128 = 0;
    while !rest.is_empty() {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        let (whole, behind) = rest.split_at(digits(rest));
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => behind.split_at(digits(behind)),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let end = behind.find(|character: char| character == '.' || character.is_ascii_digit());
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let scale: u128 = match unit {
            "" => return Err(format!("time: missing unit in duration {}", quote(text))),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return Err(format!("time: unknown unit {} in duration {}", quote(unit), quote(text))),
        };
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        // Beyond 18 digits a fraction says nothing about nanoseconds any more.
        let fraction = &fraction[..fraction.len().min(18)];
        let power = 10_u128.pow(u32::try_from(fraction.len()).unwrap_or_default());
        let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| invalid())? };
        let sum = whole.checked_mul(scale).and_then(|value| value.checked_add(part * scale / power));
        nanoseconds = sum.and_then(|value| value.checked_add(nanoseconds)).ok_or_else(invalid)?;
        rest = behind;
    }
    let limit = i64::MAX.unsigned_abs() + u64::from(negative);
    let nanoseconds = u64::try_from(nanoseconds).ok().filter(|value| *value <= limit).ok_or_else(invalid)?;
    Ok((!negative).then(|| Duration::from_nanos(nanoseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        let seconds = |s: f64| Ok(Some(Duration::from_secs_f64(s)));
        let rows = [
            ("0", seconds(0.0)),
            ("5s", seconds(5.0)),
            ("+5s", seconds(5.0)),
            ("1h2m3s", seconds(3723.0)),
            ("1.5s", seconds(1.5)),
            (".5s", seconds(0.5)),
            ("1.s", seconds(1.0)),
            ("100ms", seconds(0.1)),
            ("-5s", Ok(None)),
            ("", Err("time: invalid duration \"\"".to_owned())),
            ("5", Err("time: missing unit in duration \"5\"".to_owned())),
            ("5x", Err("time: unknown unit \"x\" in duration \"5x\"".to_owned())),
            ("abc", Err("time: invalid duration \"abc\"".to_owned())),
            (".s", Err("time: invalid duration \".s\"".to_owned())),
            ("9999999999h", Err("time: invalid duration \"9999999999h\"".to_owned())),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
    }

    #[test]
    fn the_client_may_only_shorten() {
        let minute = Duration::from_secs(60);
        let limit = |query: &str| limit(&Query::parse(query), minute);
        for query in ["", "timeout=", "timeout=0", "timeout=0s", "timeout=-3s", "timeout=2m", "timeout=60s"] {
            assert_eq!(limit(query), Ok(minute), "{query}");
        }
        assert_eq!(limit("timeout=10s"), Ok(Duration::from_secs(10)));
        let message = "invalid timeout specified in the request URL - time: invalid duration \"foo\"";
        assert_eq!(limit("timeout=foo"), Err(ApiError::BadRequest(message.to_owned())));
    }
}
