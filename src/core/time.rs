//! Times in whatever unit a store keeps them.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Reads a number whose unit its size tells: seconds, milli-, micro- or nanoseconds.
    ///
    /// Zero, negative and impossibly late numbers are no times.
    pub fn from_number(number: f64) -> Option<Self> {
        if !number.is_finite() || number <= 0.0 {
            return None;
        }
        let ms = if number < 1e11 {
            number * 1e3
        } else if number < 1e14 {
            number
        } else if number < 1e17 {
            number / 1e3
        } else {
            number / 1e6
        };
        // Half a millisecond up: a float's 1751450400.123 is a hair below.
        Self::checked((ms + 0.5).floor() as i64)
    }

    /// As [`Timestamp::from_number`], exact for whole numbers.
    pub fn from_integer(number: i64) -> Option<Self> {
        match number {
            ..=0 => None,
            1..100_000_000_000 => Self::checked(number * 1000),
            100_000_000_000..100_000_000_000_000 => Self::checked(number),
            100_000_000_000_000..100_000_000_000_000_000 => Self::checked(number / 1000),
            _ => Self::checked(number / 1_000_000),
        }
    }

    /// A moment that can be written in RFC 3339, which ends with the year 9999.
    fn checked(ms: i64) -> Option<Self> {
        (0..253_402_300_800_000).contains(&ms).then_some(Self(ms))
    }

    /// RFC 3339 in UTC with milliseconds.
    pub fn rfc3339(self) -> String {
        DateTime::<Utc>::from_timestamp_millis(self.0)
            .map(|t| t.to_rfc3339_opts(SecondsFormat::Millis, true))
            .unwrap_or_default()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

/// A span of time in words, its two largest units: `9 d 4 h`, `23 h 51 min`, `24 h`, `6 min 39 s`.
pub fn span(ms: i64) -> String {
    let seconds = ms.unsigned_abs() / 1000;
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {smaller}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        // Two days in hours are still told as hours: 24 h is what people say.
        3600..172_800 => two(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// Reads a time as text: RFC 3339, SQLite's `YYYY-MM-DD HH:MM:SS` (UTC), a date, or a number.
pub fn parse_timestamp(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Timestamp::checked(time.timestamp_millis());
    }
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Timestamp::checked(time.and_utc().timestamp_millis());
        }
    }
    if let Ok(date) = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Timestamp::checked(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_millis());
    }
    if let Ok(number) = text.parse::<i64>() {
        return Timestamp::from_integer(number);
    }
    text.parse::<f64>().ok().and_then(Timestamp::from_number)
}
