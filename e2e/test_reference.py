"""The operations of tag `organization` through the SDK: both flavours, both ways to send the token."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import koyeb.api
import koyeb.api_async
import pytest

from polity import PASSWORD, wait_for
from sdk import refused

UUID_V4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
FLAVOURS = {"sync": koyeb.api, "async": koyeb.api_async}
PREFIXES = {"raw": False, "bearer": True}


@pytest.fixture(params=[f"{flavour}-{prefix}" for flavour in FLAVOURS for prefix in PREFIXES])
def way(request):
    flavour, prefix = request.param.split("-")
    return FLAVOURS[flavour], PREFIXES[prefix]


@pytest.fixture
def m(way):
    """The flavour of the SDK, for its models."""
    return way[0]


@pytest.fixture
def client(connect, way):
    flavour, bearer = way
    return lambda token="": connect(token, flavour=flavour, bearer=bearer)


@pytest.fixture
def ada(client, m):
    """A client of somebody who just signed up."""
    reply = client().profile.signup(m.CreateAccountRequest(email="ada@example.com", password=PASSWORD, name="Ada"))
    assert UUID_V4.fullmatch(reply.token.user_id)
    assert reply.token.organization_id == ""
    assert reply.token.expires_at > datetime.now(UTC) + timedelta(hours=1)
    return client(reply.token.id)


@pytest.fixture
def acme(ada, m):
    return ada.organization.create_organization(m.CreateOrganizationRequest(name="acme")).organization


@pytest.fixture
def inside(ada, acme, client):
    """A client whose session is scoped to the organization."""
    return client(ada.organization.switch_organization(acme.id, {}).token.id)


def test_all_operations_are_called_here():
    api = koyeb.api.OrganizationApi
    variants = ("_with_http_info", "_without_preload_content")
    operations = [name for name in vars(api) if not name.startswith("_") and not name.endswith(variants)]
    source = Path(__file__).read_text()
    assert len(operations) == 20
    assert [name for name in operations if f".{name}(" not in source] == []


def test_an_organization_starts_active_with_a_project(ada, acme):
    assert UUID_V4.fullmatch(acme.id)
    assert UUID_V4.fullmatch(acme.default_project_id)
    assert acme.name == "acme"
    assert acme.external_id
    assert (acme.plan, acme.status, acme.status_message) == ("hobby", "ACTIVE", "VALID")
    assert acme.deactivation_reason == "INVALID"
    assert (acme.signup_qualification, acme.email_domain_allowlist) == ({}, [])
    assert (acme.provisioning, acme.trialing, acme.has_payment_method) == (False, False, False)
    assert ada.organization.get_organization(acme.id).organization == acme


def test_names_are_taken_once(ada, acme, m):
    with refused(400, "invalid_argument") as error:
        ada.organization.create_organization(m.CreateOrganizationRequest(name="acme"))
    assert "already exists" in error.message
    assert error.fields == ["name"]
    with refused(400, "invalid_argument") as error:
        ada.organization.create_organization(m.CreateOrganizationRequest(name="No Good"))
    assert error.fields == ["name"]


def test_an_organization_is_changed(inside, acme, m):
    api = inside.organization
    billing = m.Organization(billing_name="Acme GmbH", billing_email="billing@example.com", city="Berlin", country="DE")
    put = api.update_organization(acme.id, billing).organization
    assert (put.billing_name, put.billing_email, put.city, put.country) == (
        "Acme GmbH",
        "billing@example.com",
        "Berlin",
        "DE",
    )
    assert (put.name, put.plan, put.status, put.status_message) == ("acme", "hobby", "ACTIVE", "VALID")

    masked = api.update_organization2(acme.id, m.Organization(city="Paris", country="FR"), update_mask="city")
    assert (masked.organization.city, masked.organization.country) == ("Paris", "DE")
    patched = api.update_organization2(acme.id, m.Organization(billing_name="")).organization
    assert (patched.billing_name, patched.billing_email, patched.city) == ("", "billing@example.com", "Paris")

    renamed = api.update_organization_name(acme.id, m.UpdateOrganizationNameRequest(name="acme-2")).organization
    assert (renamed.id, renamed.name) == (acme.id, "acme-2")
    assert api.get_organization(acme.id).organization == renamed


def test_the_default_project_is_chosen(inside, acme, m):
    project = inside.projects.create_project(m.CreateProject(name="second", description="Another")).project
    request = m.UpdateOrganizationDefaultProjectRequest(default_project_id=project.id)
    changed = inside.organization.update_organization_default_project(acme.id, request).organization
    assert changed.default_project_id == project.id != acme.default_project_id
    projects = inside.projects.list_projects().projects
    assert {item.id for item in projects} == {acme.default_project_id, project.id}


def test_the_plan_stays_when_it_is_asked_for(inside, acme, m):
    request = m.UpdateOrganizationPlanRequest(plan="hobby")
    assert inside.organization.update_organization_plan(acme.id, request).organization.plan == "hobby"


def test_answers_at_signup_are_kept_as_they_are(inside, acme, m):
    answers = {"version": 3, "usage": "professional", "primaryUseCase": ["AI agents"], "submittedAt": "2026-01-31"}
    request = m.UpsertSignupQualificationRequest(signup_qualification=answers)
    reply = inside.organization.upsert_signup_qualification(acme.id, request).organization
    assert reply.signup_qualification == answers
    assert inside.organization.get_organization(acme.id).organization.signup_qualification == answers


def test_a_session_is_scoped_and_unscoped(ada, acme, client):
    inside = ada.organization.switch_organization(acme.id, {}).token
    assert inside.organization_id == acme.id
    assert client(inside.id).profile.get_current_organization().organization == acme
    outside = client(inside.id).organization.unscope_organization_token({}).token
    assert (outside.organization_id, outside.user_id) == ("", inside.user_id)
    with refused(404, "not_found"):
        client(outside.id).profile.get_current_organization()


def test_a_budget_comes_and_goes(inside, acme, m):
    api = inside.organization
    assert api.get_budget(acme.id).budget == m.Budget(amount="0", thresholds=[])
    created = api.create_budget(acme.id, m.UpdateBudgetRequest(amount="2000")).budget
    assert created == m.Budget(amount="2000", thresholds=["80", "100"])
    assert api.get_budget(acme.id).budget == created
    with refused(400, "failed_precondition") as error:
        api.create_budget(acme.id, m.UpdateBudgetRequest(amount="2000"))
    assert "already exists" in error.message
    updated = api.update_budget(acme.id, m.UpdateBudgetRequest(amount="3000")).budget
    assert updated == m.Budget(amount="3000", thresholds=["80", "100"])
    with refused(400, "invalid_argument") as error:
        api.update_budget(acme.id, m.UpdateBudgetRequest(amount="-1"))
    assert error.fields == ["amount"]
    assert api.delete_budget(acme.id) == {}
    assert api.delete_budget(acme.id) == {}
    assert api.get_budget(acme.id).budget.amount == "0"
    assert api.update_budget(acme.id, m.UpdateBudgetRequest(amount="500")).budget.amount == "500"


def test_an_access_token_acts_for_the_organization_only(inside, acme, client, m):
    token = inside.organization.create_access_token(acme.id, m.CreateAccessTokenRequest(validity="60s")).token
    machine = client(token)
    assert machine.organization.get_organization(acme.id).organization == acme
    assert machine.profile.get_current_organization().organization == acme
    with refused(403, "authorization_error"):
        machine.profile.get_current_user()
    with refused(403, "authorization_error"):
        machine.organization.create_access_token(acme.id, m.CreateAccessTokenRequest(validity="60s"))
    assert inside.organization.create_access_token(acme.id, m.CreateAccessTokenRequest()).token
    for validity in ("86401s", "0s", "1h"):
        with refused(400, "invalid_argument") as error:
            inside.organization.create_access_token(acme.id, m.CreateAccessTokenRequest(validity=validity))
        assert error.fields == ["validity"]


def test_github_is_not_configured(inside, m):
    with refused(400, "failed_precondition") as error:
        inside.organization.get_github_installation()
    assert error.message == "No GitHub Installation"
    with refused(400, "failed_precondition"):
        inside.organization.github_installation(m.GithubInstallationRequest(metadata="/settings"))


def deactivate(client, organization_id, m):
    request = m.DeactivateOrganizationRequest(skip_confirmation=True)
    reply = client.organization.deactivate_organization(organization_id, request).organization
    assert reply.status in ("DEACTIVATING", "DEACTIVATED")
    assert reply.deactivation_reason == "REQUESTED_BY_OWNER"
    read = client.organization.get_organization
    wait_for(lambda: read(organization_id).organization.status == "DEACTIVATED", 30, "deactivated organization")


def is_gone(client, organization_id):
    try:
        client.organization.get_organization(organization_id)
    except (koyeb.api.ApiException, koyeb.api_async.ApiException) as error:
        return error.status == 404
    return False


def test_an_organization_ends(ada, inside, acme, client, m):
    machine = client(inside.organization.create_access_token(acme.id, m.CreateAccessTokenRequest()).token)
    with refused(400, "failed_precondition"):
        inside.organization.delete_organization(acme.id)

    deactivate(inside, acme.id, m)
    for shut in (lambda: machine.projects.list_projects(), lambda: inside.projects.list_projects()):
        with refused(401, "authentication_error") as error:
            shut()
        assert error.message == "Token rejected"

    again = inside.organization.reactivate_organization(acme.id, {}).organization
    assert (again.status, again.deactivation_reason) == ("ACTIVE", "INVALID")
    assert inside.projects.list_projects().projects[0].id == acme.default_project_id

    deactivate(inside, acme.id, m)
    deleted = inside.organization.delete_organization(acme.id).organization
    assert (deleted.id, deleted.status) == (acme.id, "DELETING")
    wait_for(lambda: is_gone(ada, acme.id), 30, "deleted organization")
    with refused(401, "authentication_error"):
        inside.organization.get_organization(acme.id)
    renewed = ada.organization.create_organization(m.CreateOrganizationRequest(name="acme")).organization
    assert renewed.id != acme.id


def test_strangers_are_kept_out(acme, client, m):
    request = m.CreateAccountRequest(email="eve@example.com", password=PASSWORD)
    eve = client(client().profile.signup(request).token.id)
    with refused(403, "authorization_error"):
        eve.organization.get_organization(acme.id)
    with refused(404, "not_found"):
        eve.organization.get_organization("00000000-0000-4000-8000-000000000000")
    with refused(401, "authentication_error"):
        client("nonsense").organization.get_organization(acme.id)
    with refused(401, "authentication_error"):
        client().organization.get_organization(acme.id)
