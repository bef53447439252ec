"""Made-up requests to every operation of the OpenAPI document: replies must be as the document says."""

import subprocess
import sys
from pathlib import Path

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# They would end the session that makes the requests.
ENDINGS = ["DeleteUser", "DeleteUserV2", "Logout", "DeactivateOrganization"]


def options(name, values):
    return [part for value in values for part in (name, value)]


def run(server, folder, token, *filters, limit_s):
    command = [Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/openapi.json"]
    command += ["--url", server.url, "--header", f"Authorization:Bearer {token}", "--checks", CHECKS]
    # One worker: two parse Python source at the same time, and CPython before 3.12 then counts its recursion wrongly.
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--generation-deterministic"]
    command += ["--suppress-health-check", "all", "--continue-on-failure", "--workers", "1"]
    command += ["--request-timeout", "20", "--warnings", "off", "--no-color", *filters]
    # A folder of its own: no settings from outside, and nothing it writes stays.
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit_s)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_member(server, signup, tmp_path):
    ada = signup("ada")
    ada.confirm_address()
    _, inside = ada.found("acme")
    filters = ["--exclude-tag", "operator", "--exclude-tag", "metering", *options("--exclude-operation-id", ENDINGS)]
    run(server, tmp_path, inside.token, *filters, limit_s=180)
    assert inside.profile.get_current_user().user.id == ada.id


def test_the_operator(server, signup, tmp_path):
    signup("ada").found("acme")
    filters = options("--include-tag", ["operator", "metering", "webhook"])
    run(server, tmp_path, server.operator_key(), *filters, limit_s=180)


def test_a_source_of_the_platform(server, signup, tmp_path):
    signup("ada").found("acme")
    key = server.operator("POST", "/metering_keys", json={"name": "made-up"})["metering_key"]
    run(server, tmp_path, key["token"], "--include-tag", "metering", limit_s=90)
