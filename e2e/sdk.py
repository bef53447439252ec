"""The Python SDK, its two flavours called alike: `koyeb.api` blocks, `koyeb.api_async` is run until it is done."""

import asyncio
from contextlib import contextmanager
from types import SimpleNamespace

import koyeb.api
import koyeb.api_async
import pytest

from polity import REQUEST_LIMIT_S

APIS = {
    "activity": "ActivityApi",
    "apps": "AppsApi",
    "billing": "BillingApi",
    "confirmations": "OrganizationConfirmationsApi",
    "coupons": "CouponsApi",
    "credentials": "CredentialsApi",
    "invitations": "OrganizationInvitationsApi",
    "members": "OrganizationMembersApi",
    "organization": "OrganizationApi",
    "organization_quotas": "OrganizationQuotasApi",
    "payment_methods": "PaymentMethodsApi",
    "profile": "ProfileApi",
    "projects": "ProjectsApi",
    "quotas": "QuotasApi",
    "repositories": "RepositoriesApi",
    "sessions": "SessionsApi",
    "subscriptions": "SubscriptionsApi",
    "summary": "SummaryApi",
    "test": "TestApi",
    "usages": "UsagesApi",
    "users": "UsersApi",
}


class Client:
    """Every API of the SDK, under one token."""

    def __init__(self, url, token="", flavour=koyeb.api, bearer=True):
        configuration = flavour.Configuration(host=url)
        if token:
            configuration.api_key["Bearer"] = token
        if bearer:
            configuration.api_key_prefix["Bearer"] = "Bearer"
        self.token = token
        self._runner = asyncio.Runner() if flavour is koyeb.api_async else None
        self._api_client = flavour.ApiClient(configuration)
        for name, api in APIS.items():
            setattr(self, name, Api(getattr(flavour, api)(self._api_client), self._runner))

    def close(self):
        if self._runner:
            self._runner.run(self._api_client.rest_client.close())
            self._runner.close()
        else:
            self._api_client.rest_client.pool_manager.clear()


class Api:
    """One API of the SDK; every call has a limit in time."""

    def __init__(self, api, runner):
        self._api = api
        self._runner = runner

    def __getattr__(self, name):
        method = getattr(self._api, name)

        def call(*args, **kwargs):
            result = method(*args, _request_timeout=REQUEST_LIMIT_S, **kwargs)
            return self._runner.run(result) if self._runner else result

        return call


@contextmanager
def refused(status, code):
    """The block must be answered with this error, which the SDK must be able to read."""
    error = SimpleNamespace()
    with pytest.raises((koyeb.api.ApiException, koyeb.api_async.ApiException)) as caught:
        yield error
    data = caught.value.data
    assert (caught.value.status, data.status, data.code) == (status, status, code), caught.value
    error.message = data.message
    error.fields = [field.var_field for field in getattr(data, "fields", None) or []]
