"""The operations around the organization, through the SDK, whose models refuse what does not fit."""

from datetime import UTC, datetime, timedelta

import pytest

from polity import PASSWORD, wait_for
from sdk import refused


@pytest.fixture
def ada(signup):
    return signup("ada")


@pytest.fixture
def acme(ada):
    """An organization of Ada's, and her client in it."""
    return ada.found("acme")


def test_sessions(ada, connect):
    anonymous = connect()
    assert anonymous.profile.login_method(email=ada.email).method == "KOYEB"
    assert anonymous.profile.login_method(email="nobody@example.com").method == "KOYEB"
    token = anonymous.sessions.login({"email": ada.email, "password": PASSWORD}).token
    assert (token.user_id, token.organization_id) == (ada.id, "")
    with refused(401, "authentication_error"):
        anonymous.sessions.login({"email": ada.email, "password": "wrong"})

    client = connect(token.id)
    for other in (client.sessions.refresh_token().token, client.sessions.new_session().token):
        assert other.user_id == ada.id
        assert other.id != token.id
    assert client.sessions.logout() == {}
    with refused(401, "authentication_error"):
        client.profile.get_current_user()
    assert connect(other.id).profile.get_current_user().user.id == ada.id


def test_logging_in_enters_an_organization(ada, acme, connect):
    organization, inside = acme
    request = {"email": ada.email, "password": PASSWORD}
    assert connect().sessions.login(request).token.organization_id == organization.id
    named = connect().sessions.login({**request, "organization_id": organization.id}).token
    assert named.organization_id == organization.id
    assert inside.sessions.refresh_token().token.organization_id == organization.id
    assert inside.sessions.new_session().token.organization_id == ""


def test_an_address_is_confirmed(ada, server, connect):
    assert ada.client.profile.get_current_user().user.email_validated is False
    assert ada.client.profile.resend_email_validation({}) == {}
    wait_for(lambda: len(server.links(ada.email, "validate")) == 2, 15, "second mail")
    ada.confirm_address()
    assert ada.client.profile.get_current_user().user.email_validated is True
    with refused(404, "not_found"):
        connect().profile.validate("nonsense")


def test_a_forgotten_password_is_replaced(ada, server, connect):
    anonymous = connect()
    assert anonymous.profile.reset_password({"email": "nobody@example.com"}) == {}
    assert anonymous.profile.reset_password({"email": ada.email}) == {}
    request = {"id": server.link_id(ada.email, "reset"), "password": "a brand new passphrase"}
    assert anonymous.profile.update_password(request).token.user_id == ada.id
    with refused(401, "authentication_error"):
        anonymous.sessions.login({"email": ada.email, "password": PASSWORD})
    login = {"email": ada.email, "password": "a brand new passphrase"}
    assert anonymous.sessions.login(login).token.user_id == ada.id


def test_signing_in_elsewhere_is_not_configured(connect):
    profile = connect().profile
    assert profile.get_o_auth_options(action="signin").oauth_providers == []
    with refused(400, "failed_precondition") as error:
        profile.o_auth_callback({"state": "forged", "code": "1"})
    assert error.fields == ["state"]


def test_the_profile(ada):
    profile = ada.client.profile
    user = profile.get_current_user().user
    assert (user.id, user.email, user.name) == (ada.id, "ada@example.com", "Ada")
    assert user.flags == []
    assert user.created_at <= datetime.now(UTC)
    assert profile.update_user({"name": "Ada L."}).user.name == "Ada L."
    assert profile.update_user2({"newsletter_subscribed": True}).user.newsletter_subscribed is True
    assert profile.update_user_v2({"name": "Ada K."}, update_mask="name").user.name == "Ada K."
    last = profile.update_user_v22({"name": "Ada"}).user
    assert (last.name, last.newsletter_subscribed) == ("Ada", True)
    with refused(400, "invalid_argument"):
        profile.update_user2({"password": "another passphrase"})

    settings = profile.get_user_settings().settings
    assert settings.user_id == ada.id
    flipped = not settings.failed_deployment_email_notification
    request = {"failed_deployment_email_notification": flipped}
    assert profile.update_user_settings(request).settings.failed_deployment_email_notification is flipped


def test_organizations_are_listed_in_pages(ada, acme):
    for name in ("beta", "gamma"):
        ada.found(name)
    profile = ada.client.profile
    first = profile.list_user_organizations(limit="2")
    assert [item.name for item in first.organizations] == ["acme", "beta"]
    assert (first.limit, first.offset, first.has_next) == (2, 0, True)
    rest = profile.list_user_organizations(limit="2", offset="2")
    assert ([item.name for item in rest.organizations], rest.has_next) == (["gamma"], False)
    assert profile.list_user_organizations(order="DESC").organizations[0].name == "gamma"
    assert [item.name for item in profile.list_user_organizations(search="BET").organizations] == ["beta"]
    assert profile.list_user_organizations(statuses=["LOCKED", "DEACTIVATED"]).organizations == []
    assert profile.list_user_organizations(limit="101").limit == 100
    with refused(400, "invalid_argument"):
        profile.list_user_organizations(limit="-1")
    with refused(400, "invalid_argument"):
        profile.list_user_organizations(statuses=["NONSENSE"])


def test_an_invitation_is_accepted_and_the_member_removed(ada, acme, signup, server):
    organization, inside = acme
    sent = inside.invitations.create_organization_invitation({"email": "Bob@Example.com "}).invitation
    assert (sent.email, sent.role, sent.status) == ("bob@example.com", "OWNER", "PENDING")
    assert (sent.organization.name, sent.inviter.id) == ("acme", ada.id)
    assert sent.expires_at > datetime.now(UTC) + timedelta(days=1)
    assert server.link_id("bob@example.com", "invitation")
    with refused(400, "invalid_argument") as error:
        inside.invitations.create_organization_invitation({"email": "bob@example.com"})
    assert error.fields == ["email"]

    bob = signup("bob")
    bob.confirm_address()
    profile = bob.client.profile
    received = profile.list_user_organization_invitations(statuses=["PENDING"])
    assert ([item.id for item in received.invitations], received.count) == ([sent.id], 1)
    assert profile.get_user_organization_invitation(sent.id).invitation.organization_id == organization.id
    accepted = profile.accept_organization_invitation(sent.id, {}).invitation
    assert (accepted.status, accepted.invitee_id) == ("ACCEPTED", bob.id)

    members = inside.members.list_organization_members(organization_id=organization.id)
    assert ({item.user.name for item in members.members}, members.count) == ({"Ada", "Bob"}, 2)
    member = next(item for item in members.members if item.user_id == bob.id)
    assert (member.role, member.status, member.organization.status) == ("OWNER", "ACTIVE", "ACTIVE")

    within = bob.enter(organization.id)
    assert within.profile.get_current_organization().organization.id == organization.id
    removed = inside.members.remove_organization_member(member.id).member
    assert (removed.id, removed.status) == (member.id, "DELETED")
    with refused(403, "authorization_error"):
        within.organization.get_organization(organization.id)
    (last,) = inside.members.list_organization_members(user_id=ada.id).members
    with refused(400, "failed_precondition"):
        inside.members.remove_organization_member(last.id)


def test_an_invitation_needs_a_confirmed_address(acme, signup):
    sent = acme[1].invitations.create_organization_invitation({"email": "bob@example.com"}).invitation
    bob = signup("bob")
    with refused(403, "authorization_error"):
        bob.client.profile.accept_organization_invitation(sent.id, {})


def test_an_invitation_is_resent_declined_and_withdrawn(acme, signup):
    invitations = acme[1].invitations
    sent = invitations.create_organization_invitation({"email": "bob@example.com"}).invitation
    resent = invitations.resend_organization_invitation(sent.id, {}).invitation
    assert (resent.id, resent.status) == (sent.id, "PENDING")
    assert resent.expires_at >= sent.expires_at
    bob = signup("bob")
    bob.confirm_address()
    assert bob.client.profile.decline_organization_invitation(sent.id, {}).invitation.status == "REFUSED"
    assert invitations.get_organization_invitation(sent.id).invitation.status == "REFUSED"

    other = invitations.create_organization_invitation({"email": "cy@example.com"}).invitation
    pending = invitations.list_organization_invitations(statuses=["PENDING"])
    assert ([item.id for item in pending.invitations], pending.count) == ([other.id], 1)
    assert invitations.list_organization_invitations(limit="1").count == 2
    assert invitations.delete_organization_invitation(other.id) == {}
    assert invitations.list_organization_invitations(statuses=["PENDING"]).invitations == []


def test_credentials_are_shown_once_and_stop_at_once(ada, acme, connect):
    organization, inside = acme
    request = {"name": "ci", "type": "ORGANIZATION", "description": "For the build"}
    made = inside.credentials.create_credential(request).credential
    assert (len(made.token), made.token.isalnum()) == (64, True)
    assert (made.name, made.type, made.organization_id) == ("ci", "ORGANIZATION", organization.id)
    assert made.expires_at is None
    assert inside.credentials.get_credential(made.id).credential.token == ""

    machine = connect(made.token)
    assert machine.organization.get_organization(organization.id).organization.name == "acme"
    assert [item.token for item in machine.credentials.list_credentials().credentials] == [""]
    with refused(403, "authorization_error"):
        machine.organization.create_organization({"name": "other"})

    personal = inside.credentials.create_credential({"name": "laptop", "type": "USER"}).credential
    assert (personal.type, personal.user_id) == ("USER", ada.id)
    assert connect(personal.token).profile.get_current_user().user.id == ada.id
    listed = inside.credentials.list_credentials(type="USER", limit="100")
    assert ([item.id for item in listed.credentials], listed.count) == ([personal.id], 1)

    assert inside.credentials.update_credential(made.id, {"name": "build"}).credential.name == "build"
    changed = inside.credentials.update_credential2(made.id, {"description": ""}).credential
    assert (changed.name, changed.description, changed.type) == ("build", "", "ORGANIZATION")
    assert inside.credentials.delete_credential(made.id) == {}
    with refused(401, "authentication_error"):
        machine.organization.get_organization(organization.id)


def test_projects(acme):
    organization, inside = acme
    projects = inside.projects
    made = projects.create_project({"name": "web", "description": "The site"}).project
    assert (made.organization_id, made.service_count) == (organization.id, "0")
    assert projects.get_project(made.id).project == made
    with refused(400, "invalid_argument") as error:
        projects.create_project({"name": "web"})
    assert error.fields == ["name"]
    assert projects.update_project(made.id, {"name": "site"}).project.name == "site"
    patched = projects.update_project2(made.id, {"description": ""}).project
    assert (patched.name, patched.description) == ("site", "")
    assert [item.id for item in projects.list_projects(name="site").projects] == [made.id]
    page = projects.list_projects(limit="1", offset="1")
    assert (len(page.projects), page.limit, page.offset) == (1, 1, 1)
    assert projects.delete_project(made.id) == {}
    with refused(404, "not_found"):
        projects.get_project(made.id)
    with refused(400, "failed_precondition"):
        projects.delete_project(organization.default_project_id)
    assert inside.apps.list_apps().apps == []


def test_activities_and_notifications(ada, acme, signup):
    organization, inside = acme
    inside.organization.update_budget(organization.id, {"amount": "1000"})
    inside.organization.update_budget(organization.id, {"amount": "2000"})
    listed = inside.activity.list_activities(limit="100")
    newest = listed.activities[0]
    assert listed.has_next is False
    assert (newest.object.type, newest.object.id, newest.verb) == ("organization", organization.id, "updated")
    assert newest.metadata["event"] == "update_budget"
    assert (newest.actor.type, newest.actor.id, newest.actor.name) == ("user", ada.id, "Ada")
    assert inside.activity.list_activities(types=["secret"]).activities == []
    assert {item.object.type for item in inside.activity.list_activities(types=["project"]).activities} <= {"project"}
    mine = ada.client.activity.get_account_activities(limit="1")
    assert (len(mine.activities), mine.has_next) == (1, True)

    inside.invitations.create_organization_invitation({"email": "bob@example.com"})
    bob = signup("bob")
    bob.confirm_address()
    (invitation,) = bob.client.profile.list_user_organization_invitations().invitations
    bob.client.profile.accept_organization_invitation(invitation.id, {})
    unread = inside.activity.list_notifications(unread="true")
    assert unread.unread == len(unread.notifications) == unread.count > 0
    assert unread.notifications[0].is_read is False
    inside.activity.list_notifications(mark_read="true", mark_seen="true")
    read = inside.activity.list_notifications()
    assert (read.unread, read.unseen) == (0, 0)


def test_quotas_and_summary(acme, server):
    organization, inside = acme
    quotas = inside.organization_quotas.get_quotas(organization.id).quotas
    assert int(quotas.max_organization_members) > 0
    assert (quotas.instance_types, quotas.regions) == ([], [])
    assert None not in (quotas.scale_to_zero, quotas.lifecycle, quotas.persistent_volumes_by_region)
    server.operator("PUT", f"/organizations/{organization.id}/quotas", json={"max_projects": "1"})
    assert inside.organization_quotas.get_quotas(organization.id).quotas.max_projects == "1"
    with refused(400, "failed_precondition"):
        inside.projects.create_project({"name": "one-too-many"})

    summary = inside.summary.get_organization_summary(organization.id).summary
    assert (summary.organization_id, summary.members.total) == (organization.id, "1")
    assert (summary.instances.by_type, summary.neon_postgres.by_instance_type) == ({}, {})
    assert (summary.apps.total, summary.domains.total, summary.secrets.total) == ("0", "0", "0")
    usage = inside.quotas.get_organization_quotas_usage(organization.id).usage
    assert (usage.apps_used, usage.apps_limit, usage.instances_by_type) == (0, 50, [])
    assert inside.quotas.review_organization_capacity({"plan": "pro", "trialing": True}).has_capacity is True


def test_billing_without_a_provider(acme):
    organization, inside = acme
    assert inside.billing.has_unpaid_invoices().has_unpaid_invoices is False
    with refused(400, "failed_precondition"):
        inside.billing.manage()
    invoice = inside.billing.next_invoice()
    assert (invoice.lines, invoice.discounts) == ([], [])
    methods = inside.payment_methods.list_payment_methods()
    assert (methods.payment_methods, methods.count) == ([], 0)
    with refused(400, "failed_precondition"):
        inside.payment_methods.create_payment_authorization({})
    nothing = "00000000-0000-4000-8000-000000000000"
    for call in (
        lambda: inside.payment_methods.get_payment_method(nothing),
        lambda: inside.payment_methods.confirm_payment_authorization(nothing, {}),
        lambda: inside.payment_methods.delete_payment_method(nothing),
        lambda: inside.subscriptions.get_subscription(nothing),
    ):
        with refused(404, "not_found"):
            call()

    now = datetime.now(UTC)
    period = {"starting_time": now - timedelta(days=1), "ending_time": now}
    usage = inside.usages.get_organization_usage(**period).usage
    assert usage.organization_id == organization.id
    details = inside.usages.get_organization_usage_details(**period, limit="5", order="desc")
    assert (details.usage_details, details.database_details, details.limit, details.count) == ([], [], 5, 0)


def test_a_coupon_is_redeemed(acme, server):
    _, inside = acme
    request = {"code": "WELCOME", "name": "Welcome", "percent_off": 25}
    coupon = server.operator("POST", "/coupons", json=request)["coupon"]
    worth = inside.coupons.check_coupon("WELCOME")
    assert (worth.name, worth.percent_off, worth.amount_off) == ("Welcome", 25, "0")
    assert inside.coupons.redeem_coupon({"code": "WELCOME"}) == {}
    listed = server.operator("GET", "/coupons")
    assert [(item["id"], item["redemptions"]) for item in listed["coupons"]] == [(coupon["id"], 1)]
    assert server.operator("DELETE", f"/coupons/{coupon['id']}") == {}
    with refused(404, "not_found"):
        inside.coupons.check_coupon("WELCOME")
    with refused(400, "invalid_argument") as error:
        inside.coupons.redeem_coupon({"code": "WELCOME"})
    assert error.fields == ["code"]


def test_the_operator_locks_an_organization(acme, server):
    organization, inside = acme
    path = f"/organizations/{organization.id}"
    locked = server.operator("POST", f"{path}/lock", json={"reason": "abuse"})
    assert locked["organization"]["status"] == "LOCKED"
    with refused(403, "authorization_error") as error:
        inside.projects.list_projects()
    assert error.message == "Account is locked"
    assert inside.organization.get_organization(organization.id).organization.status == "LOCKED"
    server.operator("POST", f"{path}/unlock", json={"reason": "a mistake"})
    assert inside.projects.list_projects().projects
    changed = server.operator("POST", f"{path}/plan", json={"plan": "enterprise"})
    assert changed["organization"]["plan"] == "enterprise"
    assert inside.organization.get_organization(organization.id).organization.plan == "enterprise"


def test_the_operator_sees_all_organizations(acme, signup, server):
    organization, _ = acme
    signup("bob").found("beta")
    page = server.operator("GET", "/organizations?limit=1")
    assert ([item["name"] for item in page["organizations"]], page["has_next"]) == (["beta"], True)
    rest = server.operator("GET", f"/organizations?cursor={page['next_cursor']}")
    assert ([item["name"] for item in rest["organizations"]], rest["has_next"]) == (["acme"], False)
    (found,) = server.operator("GET", "/organizations?search=acm")["organizations"]
    assert found["id"] == organization.id
    shown = server.operator("GET", f"/organizations/{organization.id}")
    assert (shown["organization"]["name"], shown["operator"]["members"]) == ("acme", 1)
    verified = server.operator("POST", f"/organizations/{organization.id}/verify")
    assert verified["organization"]["verified"] is True
    activities = server.operator("GET", f"/activities?organization_id={organization.id}")["activities"]
    assert {"organization"} <= {activity["object"]["type"] for activity in activities}


def test_deactivation_is_confirmed_by_mail(ada, acme, server):
    organization, inside = acme
    asked = inside.organization.deactivate_organization(organization.id, {}).organization
    assert asked.status == "ACTIVE"
    link = server.link_id(ada.email, "deactivate")
    assert ada.client.confirmations.confirm_organization_action(link) == {}
    read = inside.organization.get_organization
    wait_for(lambda: read(organization.id).organization.status == "DEACTIVATED", 30, "deactivated organization")
    with refused(400, "failed_precondition"):
        ada.client.confirmations.confirm_organization_action(link)


def test_who_am_i(ada, acme, connect):
    organization, inside = acme
    assert connect().test.test_anon() == {}
    reply = inside.test.test_auth({"payload": "hello"})
    assert (reply.payload, reply.user_id, reply.organization_id) == ("hello", ada.id, organization.id)


def test_an_account_is_deleted(signup, connect):
    ada, bob = signup("ada"), signup("bob")
    ada.found("acme")
    with refused(400, "failed_precondition"):
        ada.client.users.delete_user(ada.id)
    with refused(403, "authorization_error"):
        bob.client.users.delete_user_v2(ada.id)
    assert bob.client.users.delete_user_v2(bob.id).user.id == bob.id
    with refused(401, "authentication_error"):
        bob.client.profile.get_current_user()
    with refused(401, "authentication_error"):
        connect().sessions.login({"email": bob.email, "password": PASSWORD})
