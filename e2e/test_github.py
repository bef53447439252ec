"""A GitHub App, installed for real: Polity against `emulate`, from consenting to uninstalling."""

import json
import os
import subprocess
import sys

import pytest

import front
from polity import wait_for, without_settings
from sdk import refused

SEEN_S = 30

READY = ["api", "docs", "web"]


@pytest.fixture
def github(tmp_path):
    with front.front(tmp_path) as github:
        yield github


@pytest.fixture
def poll():
    """How often GitHub is asked what no webhook has told: not before a test has ended, unless that is what it is about."""
    return "1d"


@pytest.fixture
def server(start, github, poll):
    settings = {
        "POLITY_GITHUB_POLL": poll,
        "POLITY_GITHUB_UNINSTALL_ON_DEACTIVATION": "on",
        "POLITY_LOG": "debug",
    }
    server = start(**github.settings(), **settings)
    github.set_hook(f"{server.url}/webhooks/github")
    yield server
    # The server ends next: a webhook on its way then would fail for a reason no test is about.
    wait_for(github.nothing_on_its_way, SEEN_S, "answer to the last webhook")


@pytest.fixture
def ada(signup):
    return signup("ada")


@pytest.fixture
def acme(ada):
    """An organization of Ada's, and her client in it."""
    return ada.found("acme")


def install(github, client, login="octo-ada", account="octo-acme", repositories=""):
    """Installs, from the start to the callback; returns the id of the installation."""
    begun = client.organization.github_installation({"metadata": "/services"})
    back = github.consent(begun.url, login, account, repositories)
    client.profile.o_auth_callback(back)
    return back["installation_id"]


def installation(client, **wanted):
    """The installation, once it is as wanted."""

    def look():
        found = client.organization.get_github_installation()
        return all(getattr(found, name) == value for name, value in wanted.items()) and found

    return wait_for(look, SEEN_S, f"installation with {wanted}")


def repositories(client, **search):
    return client.repositories.list_repositories(limit="100", **search).repositories


def names(client):
    return sorted(repository.name for repository in repositories(client))


def branches(client, repository_id):
    found = client.repositories.list_branches(repository_id=repository_id, limit="100").branches
    return {branch.name: branch.is_default for branch in found}


def indexed(client, count):
    done = installation(client, indexing_status="COMPLETED", total_repositories=count)
    assert done.indexed_repositories == count
    return done


def full(*short):
    return [f"octo-acme/{name}" for name in short]


def test_an_installation_from_consent_to_the_end(github, server, acme):
    organization, client = acme
    with refused(400, "failed_precondition") as error:
        client.organization.get_github_installation()
    assert error.message == "No GitHub Installation"
    assert repositories(client) == []

    begun = client.organization.github_installation({"metadata": "/services?new=1"})
    assert (begun.app_id, begun.app_name) == ("4711", "polity-test")
    back = github.consent(begun.url, "octo-ada", "octo-acme")
    assert (back["setup_action"], back["state"]) == ("install", begun.state)
    client.profile.o_auth_callback(back)
    shown = indexed(client, 3)
    assert (shown.status, shown.installation_id) == ("INSTALLED", back["installation_id"])
    assert shown.installed_at and not shown.suspended_at
    assert shown.installation_url.endswith(f"/organizations/octo-acme/settings/installations/{shown.installation_id}")

    assert names(client) == full(*READY)
    api, _, web = sorted(repositories(client), key=lambda repository: repository.name)
    assert (api.is_private, web.is_private, web.description) == (True, False, "The website")
    assert (web.organization_id, web.provider, web.default_branch) == (organization.id, "GITHUB", "main")
    assert [found.id for found in repositories(client, name="WEB", name_search_op="fuzzy")] == [web.id]
    assert repositories(client, name="web", name_search_op="equality") == []
    assert [found.id for found in repositories(client, name="octo-acme/web", name_search_op="equality")] == [web.id]
    assert branches(client, web.id) == {"main": True}

    github.branch("octo-acme/web", "feature/one")
    wait_for(lambda: "feature/one" in branches(client, web.id), SEEN_S, "branch")
    assert branches(client, web.id) == {"main": True, "feature/one": False}
    github.push("octo-acme/web", "README.txt")

    def pushed():
        (found,) = repositories(client, name="octo-acme/web", name_search_op="equality")
        return found.last_push_date and found.last_push_date > web.last_push_date

    wait_for(pushed, SEEN_S, "push")

    github.change(shown.installation_id, "suspend")
    assert installation(client, status="SUSPENDED").suspended_at
    github.change(shown.installation_id, "unsuspend")
    assert not installation(client, status="INSTALLED").suspended_at
    github.change(shown.installation_id, "uninstall")
    installation(client, status="DELETED")

    again = install(github, client)
    assert again != shown.installation_id
    indexed(client, 3)
    assert installation(client, status="INSTALLED").installation_id == again
    assert {delivery["status"] for delivery in github.sent()} <= {202, 204}
    assert {delivery["event"] for delivery in github.sent()} == {"installation", "create", "push"}


def test_the_owner_gives_and_takes_repositories(github, server, acme):
    _, client = acme
    installed = install(github, client, repositories="web,api")
    indexed(client, 2)
    assert names(client) == full("api", "web")
    github.change(installed, "repositories", repositories=["web", "docs"])
    wait_for(lambda: names(client) == full("docs", "web"), SEEN_S, "other repositories")
    indexed(client, 2)


def test_an_owner_approves_what_a_member_asked_for(github, server, signup, connect):
    bob = signup("bob")
    _, client = bob.found("acme")
    # The callback comes first here, and does what the webhook would do.
    github.set_hook("")
    begun = client.organization.github_installation({})
    back = github.consent(begun.url, "octo-bob", "octo-acme")
    assert back["setup_action"] == "request"
    client.profile.o_auth_callback(back)
    with refused(400, "failed_precondition"):
        client.organization.get_github_installation()

    approved = github.approve("octo-ada", "octo-acme")
    assert "state" not in approved
    connect().profile.o_auth_callback(approved)
    indexed(client, 3)


def test_the_webhook_alone_completes_an_approval(github, server, signup):
    _, client = signup("bob").found("acme")
    begun = client.organization.github_installation({})
    client.profile.o_auth_callback(github.consent(begun.url, "octo-bob", "octo-acme"))
    github.approve("octo-ada", "octo-acme")

    def is_there():
        found = client.organization.get_github_installation_without_preload_content()
        return found.status == 200

    wait_for(is_there, SEEN_S, "installation")
    indexed(client, 3)


def test_nobody_takes_an_installation_of_others(github, server, acme, signup):
    _, client = acme
    installed = install(github, client)
    _, others = signup("eve").found("evil")
    begun = others.organization.github_installation({})
    back = github.consent(begun.url, "octo-eve", "octo-other")
    # Her code, her state, and an installation she cannot reach.
    with refused(403, "authorization_error") as error:
        others.profile.o_auth_callback(back | {"installation_id": installed})
    assert "no right to this installation" in error.message
    # An owner at GitHub, for another organization here: it is taken.
    _, bobs = signup("bob").found("bobs")
    begun = bobs.organization.github_installation({})
    stolen = github.sign_in(authorize(github, begun.state), "octo-ada")
    with refused(400, "invalid_argument") as error:
        bobs.profile.o_auth_callback(stolen | {"installation_id": installed, "setup_action": "install"})
    assert error.fields == ["installation_id"]
    assert "another organization" in error.message
    for client_without in (others, bobs):
        with refused(400, "failed_precondition"):
            client_without.organization.get_github_installation()


def test_a_member_cannot_take_what_an_owner_has_installed(github, server, acme, signup):
    _, client = acme
    begun = client.organization.github_installation({})
    installed = github.consent(begun.url, "octo-ada", "octo-acme")
    _, bobs = signup("bob").found("bobs")
    code = github.sign_in(authorize(github, bobs.organization.github_installation({}).state), "octo-bob")
    with refused(403, "authorization_error"):
        bobs.profile.o_auth_callback(installed | code)
    client.profile.o_auth_callback(installed)
    indexed(client, 3)


def authorize(github, state):
    """Where a person gets a code for a state she holds."""
    (callback,) = front.APP["callback_urls"]
    return f"{github.url}/login/oauth/authorize?client_id={front.APP['client_id']}&redirect_uri={callback}&state={state}"


def test_a_state_works_once_and_for_its_person(github, server, acme, signup):
    _, client = acme
    _, bobs = signup("bob").found("bobs")
    begun = client.organization.github_installation({})
    back = github.consent(begun.url, "octo-ada", "octo-acme")
    for state in (back["state"][:-4] + "AAAA", "forged"):
        with refused(400, "invalid_argument") as error:
            client.profile.o_auth_callback(back | {"state": state})
        assert error.fields == ["state"]
    with refused(400, "invalid_argument") as error:
        bobs.profile.o_auth_callback(back)
    assert error.fields == ["state"]
    client.profile.o_auth_callback(back)
    with refused(400, "invalid_argument") as error:
        client.profile.o_auth_callback(back)
    assert error.fields == ["state"]


def test_people_without_a_panel_agree_on_a_page(github, server, acme):
    _, client = acme
    begun = client.organization.github_installation({})
    back = github.consent(begun.url, "octo-ada", "octo-acme")
    page = server.call("GET", front.CALLBACK, params=back)
    assert page.status_code == 200, page.text
    assert "Ada" in page.text and "acme" in page.text
    with refused(400, "failed_precondition"):
        client.organization.get_github_installation()
    done = server.call("POST", front.CALLBACK, params=back, data={})
    assert done.status_code == 200, done.text
    indexed(client, 3)
    again = server.call("POST", front.CALLBACK, params=back, data={})
    assert again.status_code == 400, again.text


def test_the_end_of_an_organization_uninstalls_the_app(github, server, acme):
    organization, client = acme
    install(github, client)
    indexed(client, 3)
    client.organization.deactivate_organization(organization.id, {"skip_confirmation": True})

    def uninstalled():
        return any((sent["event"], sent.get("action")) == ("installation", "deleted") for sent in github.sent())

    wait_for(uninstalled, SEEN_S, "uninstalling")


def provider(client, action):
    (found,) = client.profile.get_o_auth_options(action=action, metadata="/").oauth_providers
    assert found.id == "github"
    assert "code_challenge_method=S256" in found.url
    return found


def test_people_sign_up_and_in_with_github(github, server, connect):
    anonymous = connect()
    back = github.sign_in(provider(anonymous, "signup").url, "octo-bob")
    token = anonymous.profile.o_auth_callback(back).token
    user = connect(token.id).profile.get_current_user().user
    assert (user.email, user.email_validated, user.github_user) == ("bob@example.com", True, "octo-bob")
    back = github.sign_in(provider(anonymous, "signin").url, "octo-bob")
    assert anonymous.profile.o_auth_callback(back).token.user_id == user.id


def test_an_address_that_github_has_not_verified_is_nobodys(github, server, connect):
    anonymous = connect()
    back = github.sign_in(provider(anonymous, "signup").url, "octo-eve")
    with refused(400, "invalid_argument") as error:
        anonymous.profile.o_auth_callback(back)
    assert error.fields == ["email"]


@pytest.mark.parametrize("poll", ["1s"])
def test_a_lost_webhook_heals(github, server, acme):
    _, client = acme
    github.set_hook("")
    installed = install(github, client)
    indexed(client, 3)
    github.change(installed, "suspend")
    installation(client, status="SUSPENDED")
    github.change(installed, "unsuspend")
    github.change(installed, "repositories", repositories=["docs"])
    wait_for(lambda: names(client) == full("docs"), SEEN_S, "other repositories")
    github.change(installed, "uninstall")
    installation(client, status="DELETED")
    assert github.sent() == []


def test_a_token_for_the_installation_works_at_github(github, server, acme):
    _, client = acme
    install(github, client)
    indexed(client, 3)

    def token(**narrowing):
        return server.call("POST", "/v1/github/installation/token", client.token, json=narrowing)

    whole = token().json()
    assert github.api("GET", "/repos/octo-acme/api/contents/README.md", whole["token"]).status_code == 200
    narrow = token(repositories=["web"], permissions={"contents": "read"}).json()
    assert (narrow["repositories"], narrow["permissions"]) == (full("web"), {"contents": "read"})
    assert github.api("GET", "/repos/octo-acme/web/contents/README.md", narrow["token"]).status_code == 200
    assert github.api("GET", "/repos/octo-acme/api/contents/README.md", narrow["token"]).status_code in (403, 404)
    file = {"message": "m", "content": "", "branch": "main"}
    refusal = github.api("PUT", "/repos/octo-acme/web/contents/x", narrow["token"], json=file)
    assert refusal.status_code == 403


def test_published_webhooks_are_survived_and_change_nothing(github, server, acme):
    _, client = acme
    installed = install(github, client)
    before = indexed(client, 3).to_dict(), [repository.to_dict() for repository in repositories(client)]
    events = front.examples()
    assert len({name for name, _ in events}) > 50
    for name, body in events:
        assert front.deliver(server, name, body).status_code in (202, 204), name
        # The same, as if it were about the installation that is here: what GitHub itself says counts.
        own = {**body, "installation": {**body.get("installation", {}), "id": int(installed)}}
        assert front.deliver(server, name, own).status_code in (202, 204), name
        assert front.deliver(server, name, body, secret="another").status_code == 401
    # What comes after them is seen, so they have been, too.
    github.branch("octo-acme/docs", "after")
    (docs,) = repositories(client, name="octo-acme/docs", name_search_op="equality")
    wait_for(lambda: "after" in branches(client, docs.id), SEEN_S, "branch")
    after = indexed(client, 3).to_dict(), [repository.to_dict() for repository in repositories(client)]
    assert after == before


def test_the_stand_in_answers_as_github_has_published(github, server, acme):
    """So what Polity makes of its answers it can make of GitHub's."""
    _, client = acme
    installed = install(github, client)
    indexed(client, 3)
    github.change(installed, "suspend")
    installation(client, status="SUSPENDED")
    answers = github.answers()
    paths = {answer["path"] for answer in answers}
    assert paths >= {"/installation/repositories", "/user/installations", "/app/installations/{installation_id}"}, paths
    for answer in answers:
        assert front.complaints(answer) == [], (answer["method"], answer["path"])
    repository = next(answer for answer in answers if answer["path"] == "/installation/repositories")
    del repository["body"]["repositories"][0]["full_name"]
    assert front.complaints(repository)


def test_no_secret_is_written_anywhere(github, server, acme, connect):
    _, client = acme
    install(github, client)
    indexed(client, 3)
    token = server.call("POST", "/v1/github/installation/token", client.token, json={}).json()["token"]
    anonymous = connect()
    back = github.sign_in(provider(anonymous, "signup").url, "octo-bob")
    anonymous.profile.o_auth_callback(back)
    secrets = [front.APP["client_secret"], front.APP["webhook_secret"], github.private_key.splitlines()[1]]
    secrets += [token, back["code"], *github.tokens()]
    assert len(secrets) > 6
    written = [path for process in server.processes for path in process.folder.rglob("*") if path.is_file()]
    texts = [path.read_bytes() for path in written] + [process.metrics().encode() for process in server.processes]
    assert any(b"github" in text for text in texts)
    for text in texts:
        assert not [secret for secret in secrets if secret.encode() in text]


def check(github, **changed):
    """What `polity github check` ends with, and says."""
    settings = github.settings() | changed
    command = [os.environ["POLITY_BIN"], "github", "check"]
    done = subprocess.run(command, env=without_settings() | settings, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_settings_are_checked(github):
    github.set_hook(f"{front.PUBLIC_URL}/webhooks/github")
    code, said = check(github)
    assert code == 0, said
    other_key = subprocess.run(
        [sys.executable, "-c", OTHER_KEY], capture_output=True, text=True, check=True
    ).stdout
    for setting, value in (
        ("POLITY_GITHUB_APP_NAME", "another"),
        ("POLITY_GITHUB_APP_ID", "1"),
        ("POLITY_GITHUB_CLIENT_ID", "Iv1.another"),
        ("POLITY_GITHUB_CLIENT_SECRET", "another-secret"),
        ("POLITY_GITHUB_PRIVATE_KEY", other_key),
        ("POLITY_GITHUB_API_URL", github.url + "/nowhere"),
        ("POLITY_PUBLIC_URL", "https://elsewhere.example.com"),
    ):
        code, said = check(github, **{setting: value})
        assert code == 1, (setting, said)
        assert setting in said
        assert front.APP["client_secret"] not in said


OTHER_KEY = """
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives import serialization as s
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
print(key.private_bytes(s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption()).decode())
"""
