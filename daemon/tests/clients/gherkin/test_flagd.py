"""flagd's own suite of evaluation, through OpenFeature's provider for Python, against a daemon.

FLAGSTAFF_URL and FLAGSTAFF_KEY say where and with which key, FLAGSTAFF_TESTBED where scripts/tools put the suite.
"""

import json
import os
import urllib.error
import urllib.request

import pytest
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from pytest_bdd import given, parsers, scenarios, then, when

import testkit

URL = os.environ["FLAGSTAFF_URL"]
TESTBED = os.environ["FLAGSTAFF_TESTBED"]


def request(method, path, body):
    headers = {"content-type": "application/json", "x-user-id": "alice"}
    asking = urllib.request.Request(URL + path, json.dumps(body).encode(), headers, method=method)
    try:
        urllib.request.urlopen(asking).close()
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{method} {path} {body}: {error.read().decode()}") from error


@pytest.fixture(scope="session")
def client():
    for method, path, body in testkit.writes(TESTBED, "staging"):
        request(method, path, body)
    headers = {"Authorization": f"Bearer {os.environ['FLAGSTAFF_KEY']}"}
    api.set_provider(OFREPProvider(URL, headers_factory=lambda: headers))
    yield api.get_client()
    api.shutdown()


@pytest.fixture
def asked():
    """What a scenario asks for, and for whom."""
    return {"key": None, "attributes": {}}


def unescaped(text):
    return text.replace('\\"', '"')


def typed(kind, text):
    readers = {
        "Boolean": lambda t: t == "true",
        "String": unescaped,
        "Integer": int,
        "Float": float,
        "Object": lambda t: json.loads(unescaped(t)),
    }
    return readers[kind](text)


@given("an evaluator")
def _(client):
    pass


@given(parsers.re(r'an? (?P<kind>\w+)-flag with key "(?P<key>[^"]*)" and a fallback value "(?P<text>.*)"'))
def _(asked, kind, key, text):
    asked.update(flag=key, kind=kind, fallback=typed(kind, text))


@given(parsers.re(r'a context containing a key "(?P<key>[^"]*)", with type "(?P<kind>\w+)" and with value "(?P<text>.*)"'))
def _(asked, key, kind, text):
    asked["attributes"][key] = typed(kind, text)


@given(parsers.re(r'a context containing a targeting key with value "(?P<text>.*)"'))
def _(asked, text):
    asked["key"] = text


@given(
    parsers.re(
        r'a context containing a nested property with outer key "(?P<outer>[^"]*)" and inner key "(?P<inner>[^"]*)", '
        r'with value "(?P<text>.*)"'
    )
)
def _(asked, outer, inner, text):
    asked["attributes"].setdefault(outer, {})[inner] = text


@when("the flag was evaluated with details", target_fixture="details")
def _(client, asked):
    evaluate = getattr(client, f"get_{asked['kind'].lower()}_details")
    return evaluate(asked["flag"], asked["fallback"], EvaluationContext(asked["key"], asked["attributes"]))


@then(parsers.re(r'the resolved details value should be "(?P<text>.*)"'))
def _(details, asked, text):
    assert details.value == typed(asked["kind"], text)
    assert isinstance(details.value, type(asked["fallback"]))


@then(parsers.re(r'the reason should be "(?P<reason>.*)"'))
def _(details, reason):
    assert details.reason == reason


@then(parsers.re(r'the error-code should be "(?P<code>.*)"'))
def _(details, code):
    assert details.error_code == code


@then("the resolved metadata should contain")
def _(details, datatable):
    for key, kind, text in datatable[1:]:
        assert details.flag_metadata[key] == typed(kind, text)


@then("the resolved metadata is empty")
def _(details):
    assert not details.flag_metadata


scenarios(os.path.join(TESTBED, "gherkin"))
