//! Which step comes next: by chance, from a seed, and mostly one that makes sense.

use polity_api::types::organization::OrganizationStatus as Status;

use crate::step::Step;
use crate::world::{Answer, Bearer, DAY, HOUR, Kind, World};

/// Names organizations fight for.
pub const NAMES: [&str; 6] = ["apple", "birch", "cedar", "dahlia", "elder", "fern"];
/// More would make the comparison after each step slow.
const MOST_ORGANIZATIONS: usize = 5;
const MOST_BEARERS: usize = 48;
/// Links older than a month are swept; the model does not know when exactly.
const LONGEST: i64 = 28 * DAY;

/// SplitMix64: small, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("a small number")
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        if from.is_empty() { None } else { Some(from[self.below(from.len())]) }
    }

    /// The next step.
    pub fn step(&mut self, world: &World) -> Step {
        loop {
            if let Some(step) = self.try_step(world) {
                return step;
            }
        }
    }

    fn try_step(&mut self, world: &World) -> Option<Step> {
        let choice = self.below(70);
        let full = world.bearers.len() >= MOST_BEARERS;
        if world.organizations.is_empty() || (choice < 4 && world.organizations.len() < MOST_ORGANIZATIONS) {
            let by = self.bearer(world, None);
            return Some(Step::Create { by, name: self.below(NAMES.len()) });
        }
        let organization = self.organization(world);
        let by = self.bearer(world, Some(organization));
        Some(match choice {
            4..7 => Step::Rename { by, organization, name: self.below(NAMES.len()) },
            7..9 => Step::SetBudget { by, organization, amount: 1 + i64::try_from(self.below(1000)).ok()? },
            9..11 => Step::Deactivate { by, organization, skip: true },
            11..14 => Step::Deactivate { by, organization, skip: false },
            14..17 => Step::Confirm { by, link: self.recent(world.links.len())? },
            17..22 => Step::Reactivate { by, organization },
            22 | 23 => {
                let organization = self.with_status(world, Status::Deactivated).unwrap_or(organization);
                Step::Delete { by: self.bearer(world, Some(organization)), organization }
            }
            24 => {
                let deleted = self.with_status(world, Status::Deleted);
                let deleted = if self.one_in(2) { deleted } else { None };
                Step::Lock { organization: deleted.unwrap_or(organization) }
            }
            25 | 26 => Step::Unlock { organization },
            27..34 => Step::Invite { by: self.inside(world, organization), user: self.below(world.users.len()) },
            34..43 => {
                let open = |n: &usize| world.answerable(*n).is_ok();
                let open: Vec<usize> = (0..world.invitations.len()).filter(open).collect();
                let any = self.recent(world.invitations.len())?;
                let invitation = if self.one_in(4) { any } else { self.of(&open).unwrap_or(any) };
                let by = if self.one_in(6) { by } else { self.bearer_of(world, world.invitations[invitation].user) };
                if choice < 41 { Step::Accept { by, invitation } } else { Step::Decline { by, invitation } }
            }
            43..46 => {
                let ended: Vec<usize> =
                    (0..world.invitations.len()).filter(|n| world.answer(*n) != Answer::Pending).collect();
                let any = self.recent(world.invitations.len())?;
                let invitation = if self.one_in(2) { any } else { self.of(&ended).unwrap_or(any) };
                let by = self.bearer(world, Some(world.invitations[invitation].organization));
                if choice < 45 { Step::Resend { by, invitation } } else { Step::Withdraw { by, invitation } }
            }
            46..49 => {
                let members: Vec<usize> = world.organizations[organization].members.iter().copied().collect();
                let anybody = self.below(world.users.len());
                let user = if self.one_in(4) { anybody } else { self.of(&members).unwrap_or(anybody) };
                Step::Remove { by, organization, user }
            }
            49..53 if !full => Step::Switch { by, organization },
            53 if !full => Step::Unscope { by },
            54 if !full => Step::Refresh { by },
            55 => Step::Logout { by },
            56 if !full => Step::Login { user: self.below(world.users.len()) },
            57 if !full && self.one_in(3) => Step::ResetPassword { user: self.below(world.users.len()) },
            58..61 if !full => {
                // A credential of the organization, as often as not: it has to take its tokens along.
                let works = Self::credentials(world, |b| b.scope == Some(organization));
                let by = if self.one_in(2) { by } else { self.of(&works).unwrap_or(by) };
                Step::MakeAccessToken { by, organization, hours: self.of(&[1, 24])? }
            }
            61..65 if !full => {
                let organization = if self.one_in(3) { None } else { Some(organization) };
                Step::MakeCredential { by, personal: self.one_in(2), organization }
            }
            65 | 66 => {
                let makers: Vec<usize> = world.bearers.iter().filter_map(|b| b.maker).collect();
                let working = Self::credentials(world, |_| true);
                let from = if self.one_in(2) && !makers.is_empty() { makers } else { working };
                let credential = self.of(&from)?;
                let near = self.bearer(world, world.bearers[credential].scope);
                let by = match world.bearers[credential].user {
                    Some(user) if !self.one_in(4) => self.bearer_of(world, user),
                    _ => near,
                };
                Step::DeleteCredential { by, credential }
            }
            67 | 68 => {
                let micros = self.of(&[HOUR * 3 / 4, HOUR * 2, HOUR * 2, HOUR * 25, HOUR * 25, 3 * DAY, 8 * DAY])?;
                if world.now + micros > LONGEST {
                    return None;
                }
                Step::Wait { micros }
            }
            _ => return None,
        })
    }

    /// The credentials that work and are such.
    fn credentials(world: &World, such: impl Fn(&Bearer) -> bool) -> Vec<usize> {
        let fits = |b: &Bearer| b.alive && !matches!(b.kind, Kind::Session | Kind::Access) && such(b);
        (0..world.bearers.len()).filter(|n| fits(&world.bearers[*n])).collect()
    }

    /// A token scoped to an organization, if one works.
    fn inside(&mut self, world: &World, organization: usize) -> usize {
        let works = |b: &usize| world.caller(*b, "CreateOrganizationInvitation").is_ok();
        let works: Vec<usize> = (0..world.bearers.len()).filter(works).collect();
        let inside: Vec<usize> =
            works.iter().copied().filter(|b| world.bearers[*b].scope == Some(organization)).collect();
        let anywhere: Vec<usize> = works.iter().copied().filter(|b| world.bearers[*b].scope.is_some()).collect();
        let any = self.below(world.bearers.len());
        self.of(&inside).or_else(|| self.of(&anywhere)).unwrap_or(any)
    }

    /// An organization: mostly one that is not deleted, often one with several members.
    fn organization(&mut self, world: &World) -> usize {
        let count = world.organizations.len();
        let with = |members: usize| -> Vec<usize> {
            (0..count).filter(|id| world.organizations[*id].members.len() >= members).collect()
        };
        match self.below(10) {
            0 => None,
            1..4 => self.of(&with(2)).or_else(|| self.of(&with(1))),
            _ => self.of(&with(1)),
        }
        .unwrap_or_else(|| self.below(count))
    }

    fn with_status(&mut self, world: &World, status: Status) -> Option<usize> {
        let such = |id: &usize| world.organizations[*id].status == status;
        self.of(&(0..world.organizations.len()).filter(such).collect::<Vec<_>>())
    }

    /// One of the latest of so many things.
    fn recent(&mut self, count: usize) -> Option<usize> {
        let back = self.below(6).min(self.below(6));
        count.checked_sub(1 + back).or(count.checked_sub(1))
    }

    /// A token; mostly one that works, and that has to do with the organization.
    fn bearer(&mut self, world: &World, organization: Option<usize>) -> usize {
        let count = world.bearers.len();
        if self.one_in(8) {
            return self.below(count);
        }
        let works: Vec<usize> = (0..count).filter(|b| world.caller(*b, "GetOrganization").is_ok()).collect();
        let near = |b: &usize| {
            let (bearer, Some(id)) = (&world.bearers[*b], organization) else { return true };
            bearer.scope == Some(id) || bearer.user.is_some_and(|user| world.organizations[id].members.contains(&user))
        };
        let fits: Vec<usize> = works.iter().copied().filter(near).collect();
        let fits = if self.one_in(5) { None } else { self.of(&fits) };
        fits.or_else(|| self.of(&works)).unwrap_or_else(|| self.below(count))
    }

    /// A token of a person, if one works.
    fn bearer_of(&mut self, world: &World, user: usize) -> usize {
        let hers = |b: &usize| world.caller(*b, "GetCurrentUser").is_ok_and(|caller| caller.person == Some(user));
        let hers: Vec<usize> = (0..world.bearers.len()).filter(hers).collect();
        self.of(&hers).unwrap_or_else(|| self.below(world.bearers.len()))
    }
}
