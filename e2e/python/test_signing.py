"""Signed requests: the command line signs, the server checks, and the secret stays at home."""

import json
import time

import pytest
import signatures

URL = "https://api.example.com/orders?page=2"
BODY = b'{"amount": 12}'


def by_command(server, pair, *arguments, body=BODY) -> dict:
    path = server.folder / "body.json"
    path.write_bytes(body)
    keys = {"KEYWRIGHT_KEY": pair["api_key"], "KEYWRIGHT_SECRET": pair["api_secret"]}
    signed = server.command("sign", "POST", URL, "--json", "--body", str(path), *arguments, env=keys)
    assert signed.returncode == 0, signed.stderr
    return json.loads(signed.stdout)


@pytest.fixture(scope="module")
def pair(admin):
    pair = admin.create(request_signing=True, scopes=["api:read"])
    # What was signed in the very second in which the server began counts as signed before.
    deadline = time.monotonic() + 10
    while not ask(admin, signatures.sign(pair, "POST", URL, BODY))["valid"]:
        assert time.monotonic() < deadline
    return pair


def ask(admin, headers, **changed) -> dict:
    asked = {"method": "POST", "url": URL, "body": BODY} | changed
    answer = admin.call("POST", "/api/v1/verify", json=signatures.question(headers, **asked))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_the_command_signs_passes_once(server, admin, pair):
    headers = by_command(server, pair, "--header", "Content-Type: application/json") | {"content-type": "application/json"}
    assert pair["api_secret"] not in json.dumps(headers)
    answer = ask(admin, headers)
    assert answer["valid"] and answer["key_id"] == pair["id"], answer
    again = ask(admin, headers)
    assert (again["code"], again["status"], again["error"]) == ("signature_replayed", 401, "invalid_token")


@pytest.mark.parametrize("changed", [
    {"body": b'{"amount": 13}'}, {"body": b""}, {"method": "PUT"}, {"url": URL + "0"}, {"url": URL.replace("https", "http")},
    {"url": URL.replace("orders", "order")}, {"url": URL.replace("example.com", "example.org")},
])
def test_nothing_that_was_signed_can_be_changed(server, admin, pair, changed):
    headers = by_command(server, pair)
    answer = ask(admin, headers, **changed)
    assert answer["code"] == "invalid_key" and "key_id" not in answer
    # The attempt has not used the signature up.
    assert ask(admin, headers)["valid"]


def test_a_stale_signature_says_so_and_a_wrong_one_nothing(admin, pair):
    for age, code in [(0, "allowed"), (-290, "allowed"), (310, "signature_expired"), (-310, "signature_expired")]:
        headers = signatures.sign(pair, "POST", URL, BODY, created=int(time.time()) - age)
        assert ask(admin, headers)["code"] == code
    headers = signatures.sign(pair, "POST", URL, BODY, created=int(time.time()) - 310, secret="kw_live_wrong")
    assert ask(admin, headers)["code"] == "invalid_key"


def test_one_nonce_is_good_for_one_request(admin, pair):
    first = signatures.sign(pair, "POST", URL, BODY, nonce="order-7")
    other = signatures.sign(pair, "PUT", URL, BODY, nonce="order-7")
    assert ask(admin, first)["valid"]
    assert ask(admin, other, method="PUT")["code"] == "signature_replayed"


def test_a_dry_run_uses_nothing_up(admin, pair):
    headers = signatures.sign(pair, "POST", URL, BODY)
    asked = signatures.question(headers, "POST", URL, BODY) | {"dry_run": True}
    for _ in range(2):
        assert admin.call("POST", "/api/v1/verify", json=asked).json()["valid"]
    assert ask(admin, headers)["valid"]


def test_the_secret_itself_no_longer_passes(admin, pair):
    answer = admin.verify(pair["api_key"], secret=pair["api_secret"])
    assert (answer["code"], answer["status"]) == ("signature_required", 401)
    assert admin.verify(pair["api_key"], secret="kw_live_wrong")["code"] == "invalid_key"
    plain = admin.create(format="pair")
    assert admin.verify(plain["api_key"], secret=plain["api_secret"])["valid"]
    assert ask(admin, signatures.sign(plain, "POST", URL, BODY))["code"] == "invalid_key"


def test_questions_that_cannot_be_meant_name_the_field(admin, pair):
    headers = signatures.sign(pair, "POST", URL, BODY)
    asked = signatures.question(headers, "POST", URL, BODY)
    for more, path in [({"secret": "x"}, "secret"), ({"request": {"target_uri": URL}}, "request.method")]:
        answer = admin.call("POST", "/api/v1/verify", json=asked | more)
        assert answer.status_code == 422 and answer.json()["details"][0]["path"] == path, answer.text
    wish = {"format": "opaque", "request_signing": True}
    answer = admin.in_tenant("POST", "api-keys/create", wish)
    assert answer.status_code == 422 and answer.json()["details"][0]["path"] == "request_signing"


def test_a_new_root_key_seals_the_secret_anew(fresh):
    admin = fresh.start().admin()
    pair = admin.create(request_signing=True)
    # Ahead of the clock: what is signed in the server's first second counts as signed before it.
    soon = int(time.time()) + 2
    assert ask(admin, signatures.sign(pair, "POST", URL, BODY, created=soon))["valid"]
    rotated = admin.call("POST", "/api/v1/secrets/root/rotate").json()
    former = [root for root in rotated["roots"] if not root["current"]]
    assert former and all(root["needed_by"] == 0 for root in former)
    for root in former:
        assert admin.call("POST", f"/api/v1/secrets/root/{root['id']}/drop").status_code == 200
    assert ask(admin, signatures.sign(pair, "POST", URL, BODY, created=soon))["valid"]


def test_a_restart_accepts_no_signature_from_before(fresh):
    admin = fresh.start().admin()
    pair = admin.create(request_signing=True)
    headers = signatures.sign(pair, "POST", URL, BODY)
    fresh.kill()
    fresh.start()
    assert ask(admin, headers)["code"] == "signature_expired"


def test_the_curl_command_carries_the_signature(server, pair):
    keys = {"KEYWRIGHT_KEY": pair["api_key"], "KEYWRIGHT_SECRET": pair["api_secret"]}
    command = server.command("sign", "GET", URL, "--curl", "--expires-in", "60", env=keys)
    assert command.returncode == 0, command.stderr
    assert command.stdout.startswith("curl -X 'GET'") and "Signature: sig1=:" in command.stdout and ";expires=" in command.stdout
    both = server.command("sign", "POST", URL, "--body", "-", input="{}")
    assert both.returncode == 1 and "KEYWRIGHT_KEY" in both.stderr
    missing = server.command("sign", "GET", URL, input=pair["api_key"] + "\n")
    assert missing.returncode == 1 and "KEYWRIGHT_SECRET" in missing.stderr
