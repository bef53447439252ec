//! The steps of a sequence. Numbers are reduced to what exists when a step is taken.

use proptest::prelude::*;

/// People in a sequence.
pub const PEOPLE: usize = 3;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    Create { person: usize, name: usize },
    Rename { person: usize, organization: usize, name: usize },
    Switch { person: usize, organization: usize },
    AccessToken { token: usize },
    Credential { person: usize, organization: usize, of_person: bool },
    DeleteCredential { token: usize },
    Logout { token: usize },
    Invite { person: usize, organization: usize, other: usize },
    Accept { person: usize, organization: usize },
    Remove { person: usize, organization: usize, other: usize },
    Deactivate { person: usize, organization: usize },
    Reactivate { person: usize, organization: usize },
    Delete { person: usize, organization: usize },
    Lock { organization: usize },
    Unlock { organization: usize },
    Wait { minutes: i64 },
}

/// Any step, the common ones more often.
pub fn any_step() -> impl Strategy<Value = Step> {
    let (person, organization, token) = (0..PEOPLE, 0..4usize, 0..100usize);
    let other = person.clone();
    let name = 0..4usize;
    prop_oneof![
        3 => (person.clone(), name.clone()).prop_map(|(person, name)| Step::Create { person, name }),
        1 => (person.clone(), organization.clone(), name)
            .prop_map(|(person, organization, name)| Step::Rename { person, organization, name }),
        3 => (person.clone(), organization.clone())
            .prop_map(|(person, organization)| Step::Switch { person, organization }),
        3 => token.clone().prop_map(|token| Step::AccessToken { token }),
        3 => (person.clone(), organization.clone(), any::<bool>())
            .prop_map(|(person, organization, of_person)| Step::Credential { person, organization, of_person }),
        1 => token.clone().prop_map(|token| Step::DeleteCredential { token }),
        1 => token.prop_map(|token| Step::Logout { token }),
        4 => (person.clone(), organization.clone(), other.clone())
            .prop_map(|(person, organization, other)| Step::Invite { person, organization, other }),
        4 => (person.clone(), organization.clone())
            .prop_map(|(person, organization)| Step::Accept { person, organization }),
        2 => (person.clone(), organization.clone(), other)
            .prop_map(|(person, organization, other)| Step::Remove { person, organization, other }),
        2 => (person.clone(), organization.clone())
            .prop_map(|(person, organization)| Step::Deactivate { person, organization }),
        2 => (person.clone(), organization.clone())
            .prop_map(|(person, organization)| Step::Reactivate { person, organization }),
        1 => (person, organization.clone()).prop_map(|(person, organization)| Step::Delete { person, organization }),
        1 => organization.clone().prop_map(|organization| Step::Lock { organization }),
        2 => organization.prop_map(|organization| Step::Unlock { organization }),
        1 => prop_oneof![Just(20), Just(61), Just(8 * 24 * 60)].prop_map(|minutes| Step::Wait { minutes }),
    ]
}
