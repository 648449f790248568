"""What was taken back is refused by every check that starts afterwards, and of several callers one wins."""

import threading

import pytest
import requests

from conftest import PASSWORD

TAKEN = {
    "revoke": ("POST", "/revoke", None),
    "disable": ("POST", "/disable", None),
    "delete": ("DELETE", "?confirm=true", None),
    "scope": ("PATCH", "", {"scopes": []}),
    "address": ("PATCH", "", {"ip_allow": ["198.51.100.0/24"]}),
}
ROUNDS = 12


@pytest.mark.parametrize("taken", TAKEN)
def test_no_check_that_starts_after_the_answer_accepts_the_key(server, admin, taken):
    method, suffix, body = TAKEN[taken]
    token = admin.session.headers["Authorization"].split()[1]
    for _ in range(ROUNDS):
        key = admin.create(scopes=["api:read"])
        answered, wrong, checks = threading.Event(), [], []

        def hammer():
            caller = server.caller(token)
            after = 0
            while after < 25:
                was_answered = answered.is_set()
                answer = caller.verify(key["api_key"], permissions="api:read", request={"ip": "203.0.113.7"})
                if was_answered and answer["valid"]:
                    wrong.append(answer)
                after += was_answered
                checks.append(1)

        threads = [threading.Thread(target=hammer) for _ in range(4)]
        for thread in threads:
            thread.start()
        answer = admin.in_tenant(method, f"api-keys/{key['id']}{suffix}", body)
        assert answer.status_code == 200, answer.text
        answered.set()
        for thread in threads:
            thread.join()
        assert not wrong and len(checks) >= 100


def race(calls):
    """Runs all calls at the same time and answers their statuses."""
    barrier, statuses = threading.Barrier(len(calls)), []

    def run(call):
        barrier.wait()
        statuses.append(call().status_code)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


def callers(server, admin, count):
    token = admin.session.headers["Authorization"].split()[1]
    return [server.caller(token) for _ in range(count)]


def test_exactly_one_of_several_revocations_wins(server, admin):
    for _ in range(10):
        key = admin.create()
        path = f"api-keys/{key['id']}/revoke"
        calls = [lambda it=it: it.in_tenant("POST", path) for it in callers(server, admin, 4)]
        assert race(calls) == [200, 409, 409, 409]


def test_an_update_that_loses_against_a_revocation_changes_nothing(server, admin):
    for _ in range(10):
        key = admin.create(name="before")
        one, two = callers(server, admin, 2)
        path = f"api-keys/{key['id']}"
        statuses = race([
            lambda: one.in_tenant("POST", path + "/revoke"),
            lambda: two.in_tenant("PATCH", path, {"name": "after"}, headers={"If-Match": '"1"'}),
        ])
        assert statuses in ([200, 200], [200, 409], [200, 412]), statuses
        if statuses == [200, 200]:
            shown = admin.in_tenant("GET", path).json()
            # Then the update came first, and the revocation was decided on what it made.
            assert shown["revoked"] and shown["name"] == "after" and shown["version"] == 3


def test_a_refresh_token_buys_one_session(server):
    for _ in range(3):
        login = server.caller().call("POST", "/api/v1/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
        refresh = {"refresh_token": login.json()["refresh_token"]}
        call = lambda: requests.post(server.base + "/api/v1/auth/refresh", json=refresh, timeout=10)
        statuses = race([call] * 3)
        assert statuses.count(200) <= 1 and set(statuses) <= {200, 401, 409}, statuses


def test_one_idempotency_key_makes_one_key(server, admin):
    before = int(admin.in_tenant("GET", "api-keys/list?per_page=1").headers["X-Total-Count"])
    header = {"Idempotency-Key": "order-4711"}
    wish = {"name": "once"}
    statuses = race([
        lambda it=it: it.in_tenant("POST", "api-keys/create", wish, headers=header)
        for it in callers(server, admin, 5)
    ])
    assert set(statuses) <= {201, 409} and 201 in statuses
    again = admin.in_tenant("POST", "api-keys/create", wish, headers=header)
    assert again.headers["Idempotent-Replayed"] == "true" and "api_key" not in again.json()
    after = int(admin.in_tenant("GET", "api-keys/list?per_page=1").headers["X-Total-Count"])
    assert after == before + 1
    other = admin.in_tenant("POST", "api-keys/create", {"name": "other"}, headers=header)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
