//! Where the network of a client is: its country, and the number of its network.

use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// The officially assigned codes of ISO 3166-1 alpha-2, and `XK`, which the databases use for Kosovo.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ \
    BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE \
    DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR \
    GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP \
    KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT \
    MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW \
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG \
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// A country, by its ISO 3166-1 alpha-2 code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

/// The text is not a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is not a country of ISO 3166-1 alpha-2, such as `DE`")]
pub struct InvalidCountry;

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Self, InvalidCountry> {
        let code = <[u8; 2]>::try_from(text.as_bytes())
            .map_err(|_| InvalidCountry)?
            .map(|letter| letter.to_ascii_uppercase());
        COUNTRIES
            .split_ascii_whitespace()
            .any(|known| known.as_bytes() == code)
            .then_some(Self(code))
            .ok_or(InvalidCountry)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(core::str::from_utf8(&self.0).unwrap_or_default())
    }
}

/// The number of an autonomous system (RFC 6793); 0 is none (RFC 7607).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkNumber(u32);

impl NetworkNumber {
    /// The network of this number.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        if number == 0 {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for NetworkNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AS{}", self.0)
    }
}

/// What is allowed and what is denied. Deny beats allow; an empty allow list allows everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists<T> {
    /// If not empty, the value must be one of these.
    pub allow: Box<[T]>,
    /// The value must be none of these.
    pub deny: Box<[T]>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self {
            allow: Box::default(),
            deny: Box::default(),
        }
    }
}

impl<T: PartialEq> Lists<T> {
    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether the value may pass. What is not known never passes a rule.
    #[must_use]
    pub fn admit(&self, value: Option<&T>) -> bool {
        if self.is_empty() {
            return true;
        }
        value.is_some_and(|value| {
            !self.deny.contains(value) && (self.allow.is_empty() || self.allow.contains(value))
        })
    }
}
