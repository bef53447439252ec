"""A GitHub for the tests: `e2e/github`, where people consent, owners approve and repositories are pushed to."""

import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
import requests

from polity import ENDS_WITH_US, REQUEST_LIMIT_S, wait_for

LIMIT_S = 30

# The servers are reached at other addresses; what GitHub sends people to is only ever taken apart.
PUBLIC_URL = "https://polity.example.com"
CALLBACK = "/account/oauth/github/callback"

APP = {
    "id": 4711,
    "slug": "polity-test",
    "name": "Polity Test",
    "client_id": "Iv1.0123456789abcdef",
    "client_secret": "0123456789abcdef0123456789abcdef01234567",
    "webhook_secret": "shared-with-github-0123456789",
    "callback_urls": [PUBLIC_URL + CALLBACK],
    "permissions": {"metadata": "read", "contents": "write", "emails": "read", "members": "read"},
    "events": ["push", "create", "delete", "repository"],
}

# Ada may install on octo-acme; Bob is a member and may ask.
WORLD = {
    "app": APP,
    "tokens": ["ada_at_github"],
    "users": [
        {"login": "octo-ada", "name": "Ada", "email": "ada@example.com"},
        {"login": "octo-bob", "name": "Bob", "email": "bob@example.com"},
        {"login": "octo-eve", "name": "Eve", "email": "eve@example.com", "email_verified": False},
    ],
    "orgs": [
        {
            "login": "octo-acme",
            "members": [{"login": "octo-ada", "role": "admin"}, {"login": "octo-bob", "role": "member"}],
        },
        {"login": "octo-other", "members": [{"login": "octo-eve", "role": "admin"}]},
    ],
    "repos": [
        {"owner": "octo-acme", "name": "web", "description": "The website"},
        {"owner": "octo-acme", "name": "api", "private": True},
        {"owner": "octo-acme", "name": "docs"},
        {"owner": "octo-other", "name": "secret", "private": True},
    ],
}


def modules():
    """Where the npm packages of `e2e/github` are."""
    path = os.environ.get("POLITY_TEST_NODE_MODULES")
    assert path, "the npm packages of e2e/github are not installed: `cargo xtask test` provides them"
    return Path(path).absolute()


@dataclass
class Front:
    """The stand-in: what a person, an owner or a repository does at GitHub."""

    url: str
    api_url: str
    private_key: str

    def settings(self):
        """What a server is told of it."""
        return {
            "POLITY_PUBLIC_URL": PUBLIC_URL,
            "POLITY_GITHUB_API_URL": self.api_url,
            "POLITY_GITHUB_WEB_URL": self.url,
            "POLITY_GITHUB_APP_ID": str(APP["id"]),
            "POLITY_GITHUB_APP_NAME": APP["slug"],
            "POLITY_GITHUB_PRIVATE_KEY": self.private_key,
            "POLITY_GITHUB_CLIENT_ID": APP["client_id"],
            "POLITY_GITHUB_CLIENT_SECRET": APP["client_secret"],
            "POLITY_GITHUB_WEBHOOK_SECRET": APP["webhook_secret"],
        }

    def consent(self, start_url, login, account, repositories=""):
        """What the callback is called with after a person has installed or asked, having begun at `start_url`."""
        page = requests.get(start_url, timeout=REQUEST_LIMIT_S)
        assert page.status_code == 200, page.text
        state = re.search(r'name="state" value="([^"]*)"', page.text)[1]
        form = {"state": state, "login": login, "account": account, "repositories": repositories}
        return self._sent_back(self._post("/_consent", data=form))

    def sign_in(self, authorize_url, login):
        """What the callback is called with after a person has signed in, having begun at `authorize_url`."""
        page = requests.get(authorize_url, timeout=REQUEST_LIMIT_S)
        assert page.status_code == 200, page.text
        forms = [dict(_inputs(form)) for form in page.text.split("<form")[1:]]
        (form,) = [form for form in forms if form["login"] == login]
        return self._sent_back(self._post("/login/oauth/callback", data=form))

    def approve(self, login, account):
        """What the callback is called with after an owner has approved."""
        address = self._control("POST", "approve", {"login": login, "account": account})["location"]
        return _parameters(address)

    def set_hook(self, url):
        """Where webhooks are sent; nowhere, when empty."""
        self._control("PUT", "hook", {"url": url})

    def sent(self):
        """The webhooks sent so far."""
        return self._control("GET", "hook")

    def nothing_on_its_way(self):
        """Whether each webhook sent so far was answered."""
        return all(delivery["status"] for delivery in self.sent())

    def answers(self):
        """What was answered in the name of GitHub."""
        return self._control("GET", "answers")

    def tokens(self):
        """The tokens that work now."""
        return self._control("GET", "tokens")

    def change(self, installation_id, what, **told):
        """Suspends, unsuspends or uninstalls; or gives other repositories."""
        self._control("POST", f"installations/{installation_id}/{what}", told)

    def api(self, method, path, token="ada_at_github", **kwargs):
        """One request to the API, as Ada unless told."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, self.api_url + path, headers=headers, timeout=REQUEST_LIMIT_S, **kwargs)

    def branch(self, repository, name):
        """Ada makes a branch."""
        heads = self.api("GET", f"/repos/{repository}/branches").json()
        new = {"ref": f"refs/heads/{name}", "sha": heads[0]["commit"]["sha"]}
        assert self.api("POST", f"/repos/{repository}/git/refs", json=new).status_code == 201

    def push(self, repository, path):
        """Ada pushes a commit with a file."""
        file = {"message": "a file", "content": "", "branch": "main"}
        reply = self.api("PUT", f"/repos/{repository}/contents/{path}", json=file)
        assert reply.status_code == 201, reply.text

    def _post(self, path, **kwargs):
        return requests.post(self.url + path, allow_redirects=False, timeout=REQUEST_LIMIT_S, **kwargs)

    def _sent_back(self, reply):
        assert reply.status_code == 302, reply.text
        return _parameters(reply.headers["location"])

    def _control(self, method, path, body=None):
        reply = requests.request(method, f"{self.url}/_front/{path}", json=body, timeout=REQUEST_LIMIT_S)
        assert reply.ok, reply.text
        return reply.json() if reply.content else None


def _parameters(address):
    assert address.startswith(PUBLIC_URL + CALLBACK + "?"), address
    return dict(parse_qsl(urlsplit(address).query))


def _inputs(html):
    for tag in re.findall(r"<input[^>]*>", html):
        yield re.search(r'name="([^"]*)"', tag)[1], re.search(r'value="([^"]*)"', tag)[1].replace("&amp;", "&")


@contextmanager
def front(folder):
    """Runs the stand-in, with the people, organizations and repositories of `WORLD`."""
    (folder / "world.json").write_text(json.dumps(WORLD))
    node = os.environ.get("POLITY_TEST_NODE") or shutil.which("node")
    assert node, "Node.js is not installed: `cargo xtask test` provides it"
    command = [*ENDS_WITH_US, node, Path(__file__).parent / "github/front.mjs", folder / "world.json"]
    out, log = folder / "stdout", folder / "stderr"
    environment = os.environ | {"POLITY_TEST_NODE_MODULES": str(modules())}
    with out.open("wb") as stdout, log.open("wb") as stderr:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, env=environment)

    def said():
        assert process.poll() is None, f"the stand-in for GitHub did not start:\n{log.read_text()}"
        line, end, _ = out.read_text().partition("\n")
        return end and json.loads(line)

    try:
        yield Front(**wait_for(said, LIMIT_S, "stand-in for GitHub"))
    finally:
        process.stdin.close()
        process.wait(LIMIT_S)
    assert not log.read_text(), f"the stand-in for GitHub complained:\n{log.read_text()}"


def deliver(server, event, body, secret=APP["webhook_secret"]):
    """Posts a webhook to a server, signed as GitHub signs."""
    payload = json.dumps(body).encode()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": str(uuid.uuid4()),
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest(),
    }
    return server.call("POST", "/webhooks/github", data=payload, headers=headers)


def examples():
    """The events GitHub has published, by name: every example of their payloads."""
    path = modules() / "@octokit/webhooks-examples/api.github.com/index.json"
    return [(event["name"], body) for event in json.loads(path.read_text()) for body in event["examples"]]


@cache
def description():
    """The published description of GitHub's API, as JSON Schema has it."""
    path = modules() / "@octokit/openapi/generated/api.github.com.json"
    return _as_json_schema(json.loads(path.read_text()))


def complaints(answer):
    """What the published description finds wrong with an answer."""
    responses = description()["paths"][answer["path"]][answer["method"].lower()]["responses"]
    response = responses.get(str(answer["status"]))
    if response is None:
        return [f"{answer['status']} is not foreseen"]
    response = _resolved(response)
    if "content" not in response:
        return [] if answer["body"] == "" else ["has a body"]
    schema = response["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft4Validator({**schema, "components": description()["components"]})
    return [str(error) for error in validator.iter_errors(answer["body"])]


def _resolved(response):
    reference = response.get("$ref")
    return description()["components"]["responses"][reference.rsplit("/", 1)[1]] if reference else response


def _as_json_schema(part):
    """OpenAPI 3.0 says `nullable` where JSON Schema has a type of its own."""
    if isinstance(part, list):
        return [_as_json_schema(item) for item in part]
    if not isinstance(part, dict):
        return part
    changed = {name: _as_json_schema(value) for name, value in part.items() if name != "nullable"}
    return {"anyOf": [changed, {"type": "null"}]} if part.get("nullable") is True else changed
