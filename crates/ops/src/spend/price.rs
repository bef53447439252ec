//! The operator's price list: what a unit costs, and from when on.

use std::collections::BTreeMap;

use polity_api::scalar::Timestamp;

/// The most one event can cost, in micro-cents: ten million dollars. Far more than that is a mistake, and sums of it
/// would leave what 64 bits can hold.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000_000;
/// The most units one event can count.
pub const MAX_QUANTITY: i64 = 1_000_000_000_000;
/// The longest name of a unit, in characters.
pub const MAX_UNIT: usize = 64;

/// Prices by unit; each unit has a price from a time on until its next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices(BTreeMap<String, BTreeMap<Timestamp, i64>>);

impl Prices {
    /// Adds a price, in micro-cents for one unit, from a time on.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn add(&mut self, unit: &str, from: Timestamp, microcents: i64) -> Result<(), String> {
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/');
        if unit.is_empty() || unit.len() > MAX_UNIT || !unit.chars().all(fine) {
            return Err(format!("unit {unit:?} must be 1 to {MAX_UNIT} letters, digits or any of _-.:/"));
        }
        if !(0..=MAX_AMOUNT).contains(&microcents) {
            return Err(format!("the price of {unit} must be 0 to {MAX_AMOUNT} micro-cents"));
        }
        match self.0.entry(unit.to_owned()).or_default().insert(from, microcents) {
            None => Ok(()),
            Some(_) => Err(format!("{unit} has two prices from {from} on")),
        }
    }

    /// What so many units cost at a time, in micro-cents.
    ///
    /// # Errors
    /// In words: the unit has no price at that time, or it comes to too much.
    pub fn cost(&self, unit: &str, quantity: i64, at: Timestamp) -> Result<i64, &'static str> {
        let prices = self.0.get(unit).ok_or("unit: is not in the price list")?;
        let (_, price) = prices.range(..=at).next_back().ok_or("unit: has no price at that time")?;
        price.checked_mul(quantity).filter(|cost| *cost <= MAX_AMOUNT).ok_or("quantity: costs too much for one event")
    }

    /// Whether no unit has a price.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_holds_from_its_time_on_until_the_next() {
        let mut prices = Prices::default();
        prices.add("gpu-second", Timestamp(100), 7).unwrap();
        prices.add("gpu-second", Timestamp(200), 5).unwrap();
        assert!(prices.cost("gpu-second", 3, Timestamp(99)).is_err());
        assert_eq!(prices.cost("gpu-second", 3, Timestamp(100)), Ok(21));
        assert_eq!(prices.cost("gpu-second", 3, Timestamp(199)), Ok(21));
        assert_eq!(prices.cost("gpu-second", 3, Timestamp(200)), Ok(15));
        assert!(prices.cost("gpu-second", MAX_QUANTITY * 1000, Timestamp(200)).is_err());
        assert!(prices.cost("tea", 1, Timestamp(200)).is_err());
    }

    #[test]
    fn a_list_that_says_two_things_is_refused() {
        let mut prices = Prices::default();
        prices.add("a", Timestamp(0), 1).unwrap();
        assert!(prices.add("a", Timestamp(0), 2).is_err());
        assert!(prices.add("", Timestamp(0), 2).is_err());
        assert!(prices.add("a b", Timestamp(0), 2).is_err());
        assert!(prices.add("b", Timestamp(0), -1).is_err());
    }
}
