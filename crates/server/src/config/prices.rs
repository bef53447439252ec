//! The price list: a TOML file with a `[[price]]` for each unit and each time
//! from which it costs something else.

use std::path::PathBuf;

use polity_api::scalar::Timestamp;
use polity_ops::spend::price::Prices;

/// The price list, and the file it is from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceList {
    /// The file.
    pub path: Option<PathBuf>,
    /// What is in it.
    pub prices: Prices,
}

impl PriceList {
    /// Reads the file at `path`.
    pub(super) fn read(path: &str) -> Result<PriceList, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read at {path}: {error}"))?;
        let prices = parse(&text).map_err(|why| format!("names {path}, where {why}"))?;
        Ok(PriceList { path: Some(path.into()), prices })
    }
}

/// Said of `[price]`, which is one table and no list.
const NO_LIST: &str = "price must be a list of tables: write [[price]] above each";

fn parse(text: &str) -> Result<Prices, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    if let Some(key) = table.keys().find(|key| *key != "price") {
        return Err(format!("{key} is unknown: only [[price]] is"));
    }
    let mut prices = Prices::default();
    let entries = match table.get("price") {
        None => &[][..],
        Some(entries) => entries.as_array().ok_or(NO_LIST)?,
    };
    for entry in entries {
        let entry = entry.as_table().ok_or(NO_LIST)?;
        if let Some(key) = entry.keys().find(|key| !["unit", "from", "microcents"].contains(&key.as_str())) {
            return Err(format!("{key} is unknown: a price has unit, from and microcents"));
        }
        let unit = entry.get("unit").and_then(toml::Value::as_str).ok_or("a price needs a unit, a text")?;
        let wrong = || format!("the price of {unit} needs microcents, a whole number for one unit");
        let microcents = entry.get("microcents").and_then(toml::Value::as_integer).ok_or_else(wrong)?;
        let from = match entry.get("from") {
            None => Timestamp(i64::MIN),
            Some(toml::Value::String(text)) => time(unit, text)?,
            Some(toml::Value::Datetime(at)) => time(unit, &at.to_string())?,
            Some(_) => return Err(not_a_time(unit)),
        };
        prices.add(unit, from, microcents)?;
    }
    Ok(prices)
}

fn time(unit: &str, text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| not_a_time(unit))
}

fn not_a_time(unit: &str) -> String {
    format!("the price of {unit} needs a time with a zone in from, as in 2026-01-01T00:00:00Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_prices_by_unit_and_time() {
        let prices = parse(
            "[[price]]\nunit = 'request'\nmicrocents = 12\n\n\
             [[price]]\nunit = 'request'\nfrom = 2026-01-01T00:00:00Z\nmicrocents = 10\n",
        );
        let prices = prices.unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(prices.cost("request", 2, at("2025-12-31T23:59:59Z")), Ok(24));
        assert_eq!(prices.cost("request", 2, at("2026-01-01T00:00:00Z")), Ok(20));
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            ("a = 1", "a is unknown"),
            ("[price]\nunit = 'a'\nmicrocents = 1", "write [[price]] above each"),
            ("price = [1]", "write [[price]] above each"),
            ("[[price]]\nmicrocents = 1", "needs a unit"),
            ("[[price]]\nunit = 'a'", "the price of a needs microcents"),
            ("[[price]]\nunit = 'a'\nmicrocents = 1.5", "the price of a needs microcents"),
            ("[[price]]\nunit = 'a'\nmicrocents = 1\nfrom = '2026'", "as in 2026-01-01T00:00:00Z"),
            ("[[price]]\nunit = 'a'\nmicrocents = 1\nper = 2", "per is unknown"),
            ("[[price]]\nunit = 'a'\nmicrocents = 1\n[[price]]\nunit = 'a'\nmicrocents = 1", "two prices"),
        ] {
            assert!(parse(text).unwrap_err().contains(why), "{text}");
        }
    }
}
