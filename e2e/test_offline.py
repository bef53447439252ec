"""What a service does that trusts the server's keys: it verifies tokens by itself, with a library of its own."""

import jwt
import pytest

from polity import REQUEST_LIMIT_S


@pytest.fixture
def ada(signup):
    return signup("ada")


@pytest.fixture
def verify(server):
    """Verifies a token with the published keys; returns its header and its claims."""
    keys = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json", timeout=REQUEST_LIMIT_S)

    def verify(token, **options):
        key = keys.get_signing_key_from_jwt(token)
        claims = jwt.decode(token, key.key, algorithms=["EdDSA"], issuer=server.url, **options)
        return jwt.get_unverified_header(token), claims

    return verify


def test_a_session_is_verified_offline(ada, verify):
    organization, inside = ada.found("acme")
    header, claims = verify(inside.token)
    assert (header["alg"], header["typ"]) == ("EdDSA", "JWT")
    assert (claims["sub"], claims["org_id"]) == (ada.id, organization.id)


def test_an_access_token_is_verified_offline(ada, server, verify):
    organization, inside = ada.found("acme")
    token = inside.organization.create_access_token(organization.id, {"validity": "60s"}).token
    header, claims = verify(token, audience=server.url)
    assert header["typ"] == "at+jwt"
    assert (claims["sub"], claims["org_id"]) == (organization.id, organization.id)
    assert claims["exp"] - claims["iat"] in (60, 61)


def test_a_changed_token_is_not_verified(ada, verify):
    head, payload, signature = ada.client.token.split(".")
    other = "A" if signature[9] != "A" else "B"
    with pytest.raises(jwt.InvalidSignatureError):
        verify(".".join([head, payload, signature[:9] + other + signature[10:]]))
