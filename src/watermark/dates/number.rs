//! Reads numbers that count time since 1970.

use super::read::{Content, Epoch, Kind, Level, Sample, Wrap, digit};
use crate::watermark::Micros;

/// The digits of a number: `mantissa` × 10^`exponent`, and whether more digits follow.
struct Decimal {
    is_negative: bool,
    mantissa: u128,
    exponent: i32,
    has_more: bool,
}

impl Decimal {
    fn read(text: &[u8]) -> Option<Self> {
        let (is_negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            _ => (false, text),
        };
        let mut it = Self {
            is_negative,
            mantissa: 0,
            exponent: 0,
            has_more: false,
        };
        let rest = it.digits(text, false)?;
        let rest = match rest {
            [b'.', rest @ ..] => it.digits(rest, true)?,
            _ => rest,
        };
        match rest {
            [] => {}
            [b'e' | b'E', power @ ..] => {
                let power = std::str::from_utf8(power).ok()?;
                let power: i32 = power.parse().ok()?;
                it.exponent = it.exponent.checked_add(power)?;
            }
            _ => return None,
        }
        Some(it)
    }

    /// Reads at least one digit. Returns the rest.
    fn digits<'a>(&mut self, text: &'a [u8], is_fraction: bool) -> Option<&'a [u8]> {
        // Enough for any date with nine fractional digits.
        const ROOM: u128 = 10_u128.pow(30);
        let mut rest = text;
        while let [byte, after @ ..] = rest
            && let Some(digit) = digit(*byte)
        {
            if self.mantissa < ROOM {
                self.mantissa = self.mantissa * 10 + u128::from(digit);
                self.exponent -= i32::from(is_fraction);
            } else {
                self.has_more |= digit != 0;
                self.exponent = self.exponent.checked_add(i32::from(!is_fraction))?;
            }
            rest = after;
        }
        (rest.len() < text.len()).then_some(rest)
    }

    /// The whole part without the sign. `None` if it is too large for any date.
    fn magnitude(&self) -> Option<u128> {
        let power = 10_u128.checked_pow(self.exponent.unsigned_abs());
        match (self.mantissa, power) {
            (0, _) => Some(0),
            (mantissa, Some(power)) if self.exponent >= 0 => mantissa.checked_mul(power),
            (mantissa, Some(power)) => Some(mantissa / power),
            (_, None) if self.exponent < 0 => Some(0),
            (_, None) => None,
        }
    }

    /// The number times 10^`power`, rounded down.
    fn scaled(&self, power: i32) -> Option<i64> {
        let exponent = self.exponent.checked_add(power)?;
        let scale = 10_u128.checked_pow(exponent.unsigned_abs());
        let (whole, has_more) = match (self.mantissa, scale) {
            (0, _) => (0, false),
            (mantissa, Some(scale)) if exponent >= 0 => (mantissa.checked_mul(scale)?, false),
            (mantissa, Some(scale)) => (mantissa / scale, mantissa % scale != 0),
            (_, None) if exponent < 0 => (0, true),
            (_, None) => return None,
        };
        let whole = i64::try_from(whole).ok()?;
        if self.is_negative {
            Some(-whole - i64::from(has_more || self.has_more))
        } else {
            Some(whole)
        }
    }

    /// The number of fractional digits, at most nine.
    fn decimals(&self) -> u8 {
        u8::try_from((-self.exponent).clamp(0, 9)).unwrap_or(0)
    }
}

/// Reads a number. Without `epoch`, its magnitude decides what it counts.
#[inline]
pub(super) fn number(
    text: &[u8],
    epoch: Option<Epoch>,
    content: fn(Epoch) -> Content,
) -> Option<Sample> {
    let (at, epoch, decimals) = match whole(text) {
        Some(whole) => {
            let epoch = epoch.unwrap_or_else(|| Epoch::of(u128::from(whole.unsigned_abs())));
            let at = match epoch {
                Epoch::Seconds => whole.checked_mul(1_000_000)?,
                Epoch::Millis => whole.checked_mul(1000)?,
                Epoch::Micros => whole,
                Epoch::Nanos => whole.div_euclid(1000),
            };
            (at, epoch, 0)
        }
        None => {
            let decimal = Decimal::read(text)?;
            let magnitude = decimal.magnitude()?;
            let epoch = epoch.unwrap_or_else(|| Epoch::of(magnitude));
            (decimal.scaled(epoch.power())?, epoch, decimal.decimals())
        }
    };
    Some(Sample {
        at: Micros::new(at),
        kind: Kind {
            wrap: Wrap::Plain,
            content: content(epoch),
        },
        level: Level(Level::WHOLE.0 + decimals),
        signs: 0,
        zone: None,
        unit: epoch.level(decimals).unit(),
    })
}

/// Reads a number of at most 18 digits and nothing else.
#[inline]
fn whole(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut sum = 0;
    for byte in digits {
        sum = sum * 10 + i64::from(digit(*byte)?);
    }
    Some(if is_negative { -sum } else { sum })
}
