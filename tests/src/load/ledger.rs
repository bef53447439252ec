//! What a writer was told.

/// What a writer was told has happened, and what not.
#[derive(Clone, Default)]
pub struct Ledger {
    /// The session it writes with.
    pub token: String,
    /// Organizations that were created and left alone: id and name.
    pub organizations: Vec<(String, String)>,
    /// Credentials of such organizations: organization and token.
    pub credentials: Vec<(String, String)>,
    /// Addresses that were invited.
    pub invited: Vec<String>,
    /// Organizations whose deactivation was acknowledged, with a credential of each.
    pub deactivated: Vec<(String, String)>,
    /// Organizations whose deletion was acknowledged.
    pub deleted: Vec<String>,
    /// Sessions that were logged out.
    pub logged_out: Vec<String>,
    /// The organization with the budget.
    pub budget_of: String,
    /// The last budget that was acknowledged, and the last one that was asked for.
    pub budget: (i64, i64),
}

impl Ledger {
    /// How much of each kind the ledgers hold.
    #[must_use]
    pub fn totals(ledgers: &[Ledger]) -> [(&'static str, usize); 4] {
        let total = |count: fn(&Ledger) -> usize| ledgers.iter().map(count).sum();
        [
            ("organizations", total(|l| l.organizations.len())),
            ("deactivations", total(|l| l.deactivated.len())),
            ("deletions", total(|l| l.deleted.len())),
            ("invitations", total(|l| l.invited.len())),
        ]
    }
}
