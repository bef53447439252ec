//! Rules for single fields, shared by several resources.

use polity_api::scalar::Timestamp;
use polity_store::Page;
use polity_store::organizations::OrganizationRow;

use crate::error::{Error, Result};

/// The longest organization name, in characters.
const MAX_NAME: usize = 64;
/// The longest text that is looked for, in characters: longer than all names. SQLite fails on patterns of 50,000 bytes.
const MAX_SEARCH: usize = 256;
/// The longest e-mail address (RFC 5321 §4.5.3.1.3).
const MAX_EMAIL: usize = 254;

/// The name of an organization: 1 to 64 of `a-z`, `0-9` and `-`, a letter or
/// digit at both ends, no two dashes in a row. It becomes part of domain names,
/// and must not be mistaken for an identifier.
///
/// # Errors
/// 400 on `name`.
pub(crate) fn organization_name(name: &str) -> Result<String> {
    let name = name.trim();
    let refuse = |why: &str| Err(Error::field("name", why));
    if name.is_empty() {
        return refuse("is required");
    }
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.len() > MAX_NAME || !name.bytes().all(allowed) {
        return refuse("Use 1 to 64 lowercase letters, digits and dash only");
    }
    if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        return refuse("must begin and end with a letter or digit, without two dashes in a row");
    }
    if name.parse::<polity_api::ids::OrganizationId>().is_ok() {
        return refuse("must not look like an identifier");
    }
    Ok(name.to_owned())
}

/// An e-mail address, trimmed and in lowercase.
///
/// # Errors
/// 400 on `field`.
pub(crate) fn email(field: &str, text: &str) -> Result<String> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Err(Error::field(field, "is required"));
    }
    if text.len() > MAX_EMAIL || !text.is_ascii() || text.parse::<lettre::Address>().is_err() {
        return Err(Error::field(field, "is not an e-mail address"));
    }
    Ok(text)
}

/// A text of at most `max` characters, without control characters but line breaks, trimmed.
///
/// # Errors
/// 400 on `field`.
pub(crate) fn text(field: &str, text: &str, max: usize) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > max {
        return Err(Error::field(field, format!("must have at most {max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Error::field(field, "must not contain control characters"));
    }
    Ok(text.to_owned())
}

/// A name of at most `max` characters: [`text`] in one line, as a name stands within mails.
///
/// # Errors
/// 400 on `field`.
pub(crate) fn name(field: &str, given: &str, max: usize) -> Result<String> {
    let given = text(field, given, max)?;
    if given.contains('\n') { Err(Error::field(field, "must be in one line")) } else { Ok(given) }
}

/// A time that is not before 1970, if it is given: how far back time goes depends on the database.
///
/// # Errors
/// 400 on `field`.
pub(crate) fn since_1970(field: &str, at: Option<Timestamp>) -> Result<()> {
    if at.is_some_and(|at| at < Timestamp(0)) {
        return Err(Error::field(field, "must not be before 1970"));
    }
    Ok(())
}

/// What is looked for in the names of a list: at most [`MAX_SEARCH`] characters.
///
/// # Errors
/// 400 on `field`.
pub(crate) fn search(field: &str, text: &str) -> Result<()> {
    if text.chars().count() > MAX_SEARCH {
        return Err(Error::field(field, format!("must have at most {MAX_SEARCH} characters")));
    }
    Ok(())
}

/// Like [`name`], and not empty.
///
/// # Errors
/// 400 on `field`.
pub(crate) fn required(field: &str, given: &str, max: usize) -> Result<String> {
    let given = name(field, given, max)?;
    if given.is_empty() { Err(Error::field(field, "is required")) } else { Ok(given) }
}

/// Domains in lowercase, without `@`, each once.
///
/// # Errors
/// 400 on `email_domain_allowlist`.
pub(crate) fn domains(given: &[String]) -> Result<Vec<String>> {
    let mut domains = Vec::with_capacity(given.len());
    for domain in given {
        let domain = domain.trim().trim_start_matches('@').to_lowercase();
        if domain.is_empty() || format!("a@{domain}").parse::<lettre::Address>().is_err() || !domain.is_ascii() {
            return Err(Error::field("email_domain_allowlist", format!("{domain:?} is not a domain")));
        }
        if !domains.contains(&domain) {
            domains.push(domain);
        }
    }
    if domains.len() > 100 {
        return Err(Error::field("email_domain_allowlist", "must have at most 100 domains"));
    }
    Ok(domains)
}

/// Whether people with this address may be members of the organization.
///
/// # Errors
/// 400 on `email`.
pub(crate) fn allowed_address(organization: &OrganizationRow, email: &str) -> Result<()> {
    let allowed = &organization.email_domain_allowlist;
    let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
    if allowed.is_empty() || allowed.iter().any(|d| d == domain) {
        return Ok(());
    }
    Err(Error::field("email", format!("the organization admits only addresses of {}", allowed.join(", "))))
}

/// A count as the wire has it.
pub(crate) fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The cursor behind the last row of a page, empty when no more come after it.
pub(crate) fn next_cursor<T>((rows, more): &Page<T>, cursor: impl FnOnce(&T) -> String) -> String {
    rows.last().filter(|_| *more).map(cursor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_parts_of_domains() {
        for good in ["a", "acme", "acme-2", "0", &"a".repeat(64)] {
            assert!(organization_name(good).is_ok(), "{good}");
        }
        let id = "3f2b8c1e-9d4a-4c6b-8a55-0f1e2d3c4b5a";
        for bad in ["", " ", "-a", "a-", "a--b", "Acme", "a b", "é", &"a".repeat(65), id] {
            assert_eq!(organization_name(bad).unwrap_err().fields[0].field, "name", "{bad}");
        }
    }

    #[test]
    fn addresses_are_lowercase() {
        assert_eq!(email("email", " Ann@Example.COM ").unwrap(), "ann@example.com");
        for bad in ["", "ann", "@example.com", "ann@", "a b@example.com", "ann@example.com\nBcc: x@y.z"] {
            assert!(email("email", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn domains_are_normalised() {
        let given = ["@Example.com ".to_owned(), "example.com".to_owned()];
        assert_eq!(domains(&given).unwrap(), ["example.com"]);
        assert!(domains(&["no domain".to_owned()]).is_err());
    }

    proptest! {
        #[test]
        fn a_valid_name_is_its_own_normal_form(name in ".{0,80}") {
            if let Ok(valid) = organization_name(&name) {
                prop_assert_eq!(organization_name(&valid).unwrap(), valid.clone());
                prop_assert!(valid.len() <= MAX_NAME && !valid.contains("--"));
            }
        }
    }
}
