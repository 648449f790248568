"""Rotation of secrets, sessions and cookies, forwarding headers, draining, PostgreSQL."""

import os
import secrets
import threading
import time
import uuid

import jwt
import pytest
import requests

from conftest import PASSWORD, TENANT, Server


def test_root_and_pepper_rotate_while_everything_keeps_working(fresh):
    admin = fresh.start().admin()
    keys = [admin.create(format=format, scopes=["api:read"]) for format in ("opaque", "jwt", "pair")]
    for _ in range(2):
        rotated = admin.call("POST", "/api/v1/secrets/root/rotate").json()
        assert [root["needed_by"] for root in rotated["roots"]][:-1] == [0] * (len(rotated["roots"]) - 1)
    former = rotated["roots"][0]["id"]
    assert admin.call("POST", f"/api/v1/secrets/root/{former}/drop").status_code == 200
    assert admin.call("POST", "/api/v1/secrets/pepper/rotate").status_code == 200
    still = admin.call("POST", "/api/v1/secrets/pepper/1/drop")
    assert (still.status_code, still.json()["code"]) == (409, "conflict")
    for key in keys:
        assert admin.verify(key["api_key"], secret=key.get("api_secret"))["valid"]
    assert admin.create(format="jwt")["api_key"]
    fresh.kill()
    admin = fresh.start().admin()
    for key in keys:
        assert admin.verify(key["api_key"], secret=key.get("api_secret"))["valid"]
    # Used keys and passwords have moved to the new pepper, so the former one can go.
    deadline = threading.Event()
    for _ in range(100):
        peppers = admin.call("GET", "/api/v1/secrets").json()["peppers"]
        if next(it for it in peppers if it["id"] == 1)["needed_by"] <= 1:
            break
        deadline.wait(0.1)
    unused = next(it for it in peppers if it["id"] == 1)["needed_by"]
    assert unused <= 1, "only the key that was never used still needs the former pepper"
    assert admin.call("GET", "/api/v1/audit/verify").json()["valid"]


def test_signing_keys_rotate_and_old_keys_keep_verifying(fresh):
    admin = fresh.start().admin()
    old = admin.create(format="jwt", scopes=["api:read"])["api_key"]
    rotated = admin.in_tenant("POST", "signing-keys/rotate?immediately=true").json()
    assert [key["status"] for key in rotated].count("active") == 1
    new = admin.create(format="jwt", scopes=["api:read"])["api_key"]
    answer = requests.get(f"{fresh.base}/api/v1/tenant/{TENANT}/jwks.json", timeout=5)
    assert answer.headers["Content-Type"] == "application/jwk-set+json"
    same = requests.get(answer.url, headers={"If-None-Match": answer.headers["ETag"]}, timeout=5)
    assert same.status_code == 304
    client = jwt.PyJWKClient(answer.url)
    for key in (old, new):
        public = client.get_signing_key_from_jwt(key).key
        assert jwt.decode(key, public, algorithms=["RS256"], audience=TENANT)["tenant"] == TENANT
    assert jwt.get_unverified_header(old)["kid"] != jwt.get_unverified_header(new)["kid"]
    waiting = admin.in_tenant("POST", "signing-keys/rotate").json()
    assert "pending" in [key["status"] for key in waiting]


def test_every_algorithm_signs(fresh):
    admin = fresh.start().admin()
    for algorithm in ("RS256", "ES256", "EdDSA"):
        changed = admin.call("PATCH", f"/api/v1/tenant/{TENANT}", json={"jwt_algorithm": algorithm})
        assert changed.status_code == 200, changed.text
        key = admin.create(format="jwt", scopes=["api:read"])["api_key"]
        public = jwt.PyJWKClient(f"{fresh.base}/.well-known/jwks.json").get_signing_key_from_jwt(key).key
        assert jwt.decode(key, public, algorithms=[algorithm], audience=TENANT)["scopes"] == ["api:read"]


def test_cookies_need_the_page_that_they_were_given_to(fresh):
    fresh.start()
    browser = requests.Session()
    login = {"email": "ada@example.com", "password": PASSWORD, "cookie": True}
    answer = browser.post(fresh.base + "/api/v1/auth/login", json=login, timeout=5)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    token = answer.json()["csrf_token"]
    assert browser.get(fresh.base + "/api/v1/auth/me", timeout=5).status_code == 200
    create = f"{fresh.base}/api/v1/tenant/{TENANT}/api-keys/create"
    good = {"X-CSRF-Token": token, "Sec-Fetch-Site": "same-origin"}
    for headers in [{}, {"X-CSRF-Token": token}, {"Sec-Fetch-Site": "same-origin"},
                    good | {"Sec-Fetch-Site": "cross-site"}, good | {"X-CSRF-Token": "00" * 32}]:
        refused = browser.post(create, json={}, headers=headers, timeout=5)
        assert (refused.status_code, refused.json()["code"]) == (403, "csrf_failed"), headers
    assert browser.post(create, json={}, headers=good, timeout=5).status_code == 201
    by_origin = {"X-CSRF-Token": token, "Origin": fresh.base}
    assert browser.post(create, json={}, headers=by_origin, timeout=5).status_code == 201
    assert browser.post(fresh.base + "/api/v1/auth/logout", headers=good, timeout=5).status_code == 200
    browser.cookies.set("sid", cookie.split("=")[1].split(";")[0])
    assert browser.get(fresh.base + "/api/v1/auth/me", timeout=5).status_code == 401


def test_an_idle_cookie_stops_working(fresh):
    fresh.settings = {"cookie_idle_minutes": "0"}
    fresh.start()
    browser = requests.Session()
    login = {"email": "ada@example.com", "password": PASSWORD, "cookie": True}
    assert browser.post(fresh.base + "/api/v1/auth/login", json=login, timeout=5).status_code == 200
    answer = browser.get(fresh.base + "/api/v1/auth/me", timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, "session_expired")


def test_a_reused_refresh_token_ends_the_session(server):
    login = {"email": "ada@example.com", "password": PASSWORD}
    first = requests.post(server.base + "/api/v1/auth/login", json=login, timeout=5).json()
    refresh = lambda token: requests.post(server.base + "/api/v1/auth/refresh", json={"refresh_token": token}, timeout=5)
    second = refresh(first["refresh_token"]).json()
    assert server.caller(first["access_token"]).call("GET", "/api/v1/auth/me").status_code == 401
    assert refresh(first["refresh_token"]).status_code == 401
    assert server.caller(second["access_token"]).call("GET", "/api/v1/auth/me").status_code == 401
    assert refresh(second["refresh_token"]).status_code == 401


def test_guesses_are_slowed_and_the_owner_of_the_account_is_not_locked_out(fresh):
    fresh.settings = {"trusted_proxies": "127.0.0.1"}
    fresh.start()

    def login(password, address):
        body = {"email": "ada@example.com", "password": password}
        return requests.post(fresh.base + "/api/v1/auth/login", json=body, headers={"X-Forwarded-For": address}, timeout=10)

    assert login(PASSWORD, "192.0.2.1").status_code == 200
    statuses = [login("a wrong password, long", "198.51.100.9").status_code for _ in range(12)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert login("a wrong password, long", "198.51.100.9").headers["Retry-After"]
    assert login(PASSWORD, "192.0.2.1").status_code == 200, "from a network of their own"
    unknown = requests.post(fresh.base + "/api/v1/auth/login", json={"email": "nobody@example.com", "password": "a wrong password, long"},
                            headers={"X-Forwarded-For": "203.0.113.5"}, timeout=10)
    known = login("a wrong password, long", "203.0.113.6")
    strip = lambda answer: {name: value for name, value in answer.json().items() if name != "request_id"}
    assert (unknown.status_code, strip(unknown)) == (known.status_code, strip(known))


def test_guesses_from_everywhere_together_stop_no_key_that_is_in_use(fresh):
    fresh.settings = {"trusted_proxies": "127.0.0.1"}
    admin = fresh.start().admin()
    wish = {"kind": "system", "scopes": ["keywright:keys:read"]}
    used, rested = admin.create(**wish)["api_key"], admin.create(**wish)["api_key"]

    def present(key, address):
        headers = {"X-Forwarded-For": address, "X-API-Key": key}
        return requests.get(fresh.base + "/api/v1/tenant/my-tenant/api-keys/list", headers=headers, timeout=30)

    def flood():
        checks = [{"key": secrets.token_hex(16)} for _ in range(1000)]
        return admin.call("POST", "/api/v1/verify/batch", json={"checks": checks}).status_code

    assert present(used, "192.0.2.1").status_code == 200
    assert present(secrets.token_hex(16), "198.51.100.1").status_code == 401
    assert flood() == 200
    assert 429 in (flood() for _ in range(20))
    stop = threading.Event()
    flooding = threading.Thread(target=lambda: [flood() for _ in iter(stop.is_set, True)])
    flooding.start()
    try:
        assert {present(used, "192.0.2.1").status_code for _ in range(50)} == {200}
        # Each from a network that has not failed before.
        answers = [present(secrets.token_hex(16), f"198.51.100.{last}") for last in range(2, 102)]
        late = [answer for answer in answers if answer.status_code == 429]
        assert late and {answer.status_code for answer in answers} <= {401, 429}
        assert all(answer.json()["code"] == "too_many_attempts" and int(answer.headers["Retry-After"]) >= 1 for answer in late)
    finally:
        stop.set()
        flooding.join()
    deadline = time.monotonic() + 10
    while (status := present(rested, "192.0.2.2").status_code) == 429 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status == 200


def test_the_client_address_is_taken_from_trusted_proxies_only(server, fresh):
    body = {"kind": "system", "scopes": ["keywright:keys:read"], "ip_allow": ["203.0.113.7"]}
    spoofed = {"X-Forwarded-For": "203.0.113.7"}
    key = server.admin().create(**body)["api_key"]
    answer = server.caller(key).in_tenant("GET", "api-keys/list", headers=spoofed)
    assert (answer.status_code, answer.json()["code"]) == (403, "ip_denied")
    fresh.settings = {"trusted_proxies": "127.0.0.1"}
    key = fresh.start().admin().create(**body)["api_key"]
    assert fresh.caller(key).in_tenant("GET", "api-keys/list", headers=spoofed).status_code == 200
    leftmost = {"X-Forwarded-For": "203.0.113.7, 198.51.100.1"}
    assert fresh.caller(key).in_tenant("GET", "api-keys/list", headers=leftmost).status_code == 403


def test_credentials_are_refused_over_plain_http(fresh):
    fresh.settings = {"trusted_proxies": "127.0.0.1"}
    key = fresh.start().admin().create(kind="system", scopes=["keywright:keys:read"])["api_key"]

    def refused(caller, method, path, proto, **more):
        answer = caller.call(method, path, headers={"X-Forwarded-Proto": proto}, **more)
        assert "location" not in answer.headers
        if answer.status_code == 403 and answer.json()["code"] == "cleartext_refused":
            body = answer.json()
            assert body.pop("request_id") == answer.headers["X-Request-Id"]
            return body
        return None

    route = "/api/v1/tenant/my-tenant/api-keys/list"
    good = refused(fresh.caller(key), "GET", route, "http")
    assert good and good == refused(fresh.caller(key[:-1] + "!"), "GET", route, "http")
    login = {"email": "ada@example.com", "password": PASSWORD}
    assert refused(fresh.caller(), "POST", "/api/v1/auth/login", "http", json=login) == good
    assert refused(fresh.caller(), "POST", "/api/v1/verify", "http, https", json={"key": key}) == good
    assert refused(fresh.caller(), "GET", "/healthz", "http") is None
    assert fresh.caller(key).call("GET", route, headers={"X-Forwarded-Proto": "https"}).status_code == 200
    assert fresh.stop() == 0
    fresh.settings = {}
    fresh.start()
    assert refused(fresh.caller(key), "GET", route, "http") is None, "not from a trusted proxy"
    assert fresh.stop() == 0
    fresh.settings = {"trusted_proxies": "127.0.0.1", "insecure_http": "true"}
    fresh.start()
    assert refused(fresh.caller(key), "GET", route, "http") is None, "the operator meant it"


def test_a_stop_finishes_what_is_in_flight(fresh):
    admin = fresh.start().admin()
    statuses, stop = [], threading.Event()

    def work():
        while not stop.is_set():
            try:
                statuses.append(admin.in_tenant("POST", "api-keys/create", {}).status_code)
            except requests.RequestException:
                return

    thread = threading.Thread(target=work)
    thread.start()
    threading.Event().wait(0.3)
    assert fresh.stop() == 0
    stop.set()
    thread.join()
    assert statuses and set(statuses) == {201}


@pytest.fixture
def on_postgres(tmp_path):
    url = os.environ.get("KEYWRIGHT_TEST_POSTGRES_URL")
    if not url:
        assert not os.environ.get("KEYWRIGHT_REQUIRE_POSTGRES"), "PostgreSQL must be there"
        pytest.skip("KEYWRIGHT_TEST_POSTGRES_URL is not set")
    import subprocess

    name = "e2e_" + uuid.uuid4().hex
    subprocess.run(["psql", url, "-qc", f"CREATE DATABASE {name}"], check=True)
    own = url.rsplit("/", 1)[0] + "/" + name
    nodes = [Server(tmp_path / str(number), database=own) for number in (1, 2)]
    for node in nodes:
        node.folder.mkdir()
    yield nodes
    for node in nodes:
        if node.process and node.process.poll() is None:
            node.kill()


def test_postgres_serves_the_same_and_other_nodes_follow(on_postgres):
    one, two = on_postgres
    admin = one.start().admin()
    # The second node needs the same keyring.
    (two.folder / "data").mkdir(mode=0o700)
    keyring = two.folder / "data" / "keyring"
    keyring.write_bytes((one.folder / "data" / "keyring").read_bytes())
    keyring.chmod(0o600)
    other = two.start().caller(two.sign_in())
    key = admin.create(name="shared", scopes=["api:read"])
    assert other.verify(key["api_key"], permissions="api:read")["valid"], "a new key works everywhere at once"
    assert admin.in_tenant("POST", f"api-keys/{key['id']}/revoke").status_code == 200
    assert admin.verify(key["api_key"])["code"] == "revoked"
    waited = threading.Event()
    for _ in range(40):
        if other.verify(key["api_key"])["code"] == "revoked":
            break
        waited.wait(0.05)
    assert other.verify(key["api_key"])["code"] == "revoked", "other nodes follow within two seconds"
    found = other.in_tenant("GET", "api-keys/list?search=shar").json()
    assert [it["id"] for it in found] == [key["id"]]
    assert other.call("GET", "/api/v1/audit/verify").json()["valid"]
    one.kill()
    assert one.start().admin().in_tenant("GET", f"api-keys/{key['id']}").json()["revoked"]
