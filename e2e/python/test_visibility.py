"""Every operation as every kind of caller. An operation that is not in the table fails the test."""

import pytest

from conftest import TENANT, Server

CALLERS = ["anonymous", "foreigner", "member", "approver", "auditor", "admin", "owner", "platform", "bare_key", "full_key"]

# Whether each caller, in the order above, may: `y`es, `n`o (403), `h`idden (404), `s`igned in first (401).
PUBLIC = "yyyyyyyyyy"
TABLE = {
    # Anybody.
    "get_health": PUBLIC, "get_readiness": PUBLIC, "get_jwks": PUBLIC, "get_tenant_jwks": PUBLIC,
    # Whoever is signed in; system keys are nobody's account.
    "get_me": "syyyyyyynn", "list_sessions": "syyyyyyynn", "end_session": "shhhhhhhnn",
    "end_other_sessions": "syyyyyyynn", "sign_out": "syyyyyyynn", "change_password": "s-------nn",
    "list_tenants": "syyyyyyyyy",
    # The tenant's members, by role.
    "list_keys": "shyyyyyyny", "create_key": "shyynyyyny", "get_key": "shhhhhhhnh", "update_key": "shhhnhhhnh",
    "delete_key": "shhhnhhhnh", "revoke_key": "shhhnhhhnh", "disable_key": "shhhnhhhnh", "enable_key": "shhhnhhhnh",
    "list_users": "shnyyyyyny", "create_user": "shnnnyyyny", "get_user": "shnhhhhhnh", "update_user": "shnnnhhhnh",
    "remove_user": "shnnnhhhnh", "list_user_sessions": "shnnnhhhnh", "end_user_sessions": "shnnnhhhnh",
    "list_invitations": "shnyyyyyny", "withdraw_invitation": "shnnnhhhnh",
    "get_tenant": "shyyyyyyny", "update_tenant": "shnnnyyyny",
    "list_scopes": "shyyyyyyny", "create_scope": "shnnnyyyny", "update_scope": "shnnnhhhnh", "delete_scope": "shnnnhhhnh",
    "list_roles": "shyyyyyyny", "create_role": "shnnnyyyny", "update_role": "shnnnhhhnh", "delete_role": "shnnnhhhnh",
    "list_plans": "shyyyyyyny", "create_plan": "shnnnyyyny", "update_plan": "shnnnhhhnh", "delete_plan": "shnnnhhhnh",
    "get_key_limits": "shhhhhhhnh", "reset_key_limits": "shhhnhhhnh",
    "list_audit": "shnnyyyyny", "export_tenant_audit": "shnnyyyyny",
    "list_signing_keys": "shyyyyyyny", "rotate_signing_key": "shnnnyyyny",
    # Checks.
    "verify_key": "synnnyyyny", "verify_keys": "synnnyyyny",
    # The installation.
    "create_tenant": "snnnnnnynn", "list_all_users": "snnnnnnynn", "list_platform_audit": "snnnnnnynn",
    "export_audit": "snnnnnnynn", "verify_audit": "snnnnnnynn", "get_audit_head": "snnnnnnynn",
    "get_secrets": "snnnnnnynn", "rotate_root": "snnnnnnynn", "rotate_pepper": "snnnnnnynn", "drop_secret": "snnnnnnhnn",
    # Limited by address: tested where they are at home.
    "sign_in": "-" * 10, "refresh_session": "-" * 10, "set_up": "-" * 10, "accept_invitation": "-" * 10,
}
ABSENT = "00000000-0000-7000-8000-000000000000"
NAMES = {
    "tenant": TENANT, "id": f"key-{ABSENT}", "user": f"user-{ABSENT}", "invitation": f"invitation-{ABSENT}",
    "session": f"session-{ABSENT}", "scope": "no:such", "role": "no-such", "plan": "no-such", "kind": "root",
}
BODIES = {
    "create_key": {"name": "x"}, "verify_key": {"key": "x"}, "verify_keys": {"checks": [{"key": "x"}]},
    "create_scope": lambda n: {"scope": f"made:s{n}"}, "create_role": lambda n: {"name": f"made{n}", "scopes": ["api:read"]},
    "create_plan": lambda n: {"name": f"made{n}", "rateLimit": {"requests": {"perDay": 5}}},
    "create_user": lambda n: {"email": f"made{n}@example.com", "role": "member"},
    "create_tenant": lambda n: {"slug": f"made{n}", "name": "Made"},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("visibility"), log="warn").start()
    platform = server.admin()
    password = "a long password for all"
    assert platform.call("POST", "/api/v1/tenants", json={"slug": "other", "name": "Other"}).status_code == 201

    def person(name, role, tenant=TENANT):
        made = platform.in_tenant("POST", "users", {"email": f"{name}@example.com", "role": role, "password": password}, tenant=tenant)
        assert made.status_code == 201, made.text

        def signed_in():
            return server.caller(server.sign_in(f"{name}@example.com", password))

        return signed_in

    bare = platform.create(kind="system", name="bare")["api_key"]
    full = platform.create(kind="system", name="full", scopes=["keywright:*"])["api_key"]
    people = {
        "anonymous": server.caller, "foreigner": person("foreigner", "owner", "other"),
        "platform": server.admin, "bare_key": lambda: server.caller(bare), "full_key": lambda: server.caller(full),
        **{role: person(role, role) for role in ("member", "approver", "auditor", "admin", "owner")},
    }
    yield server, people
    assert server.stop() == 0


def operations(server):
    document = server.caller().call("GET", "/openapi.json").json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield operation["operationId"], method.upper(), path


def test_every_operation_as_every_caller(house):
    server, people = house
    found = list(operations(server))
    assert {name for name, _, _ in found} == set(TABLE), "every operation stands in the table, and no other"
    callers = {name: make() for name, make in people.items()}
    wrong, number = [], 0
    # What ends sessions comes last, because the callers keep theirs.
    for name, method, path in sorted(found, key=lambda it: it[0] in ("sign_out", "end_other_sessions")):
        for who, wanted in zip(CALLERS, TABLE[name]):
            if wanted == "-":
                continue
            number += 1
            values = NAMES | ({"id": "99"} if name == "drop_secret" else {})
            body = BODIES.get(name, {})
            body = body(number) if callable(body) else body
            caller = people[who]() if name in ("sign_out", "end_other_sessions") else callers[who]
            sent = {"json": body} if method in ("POST", "PATCH") else {}
            status = caller.call(method, path.format(**values), **sent).status_code
            expected = {"y": range(200, 300), "n": [403], "h": [404], "s": [401]}[wanted]
            if status not in expected:
                wrong.append(f"{name} as {who}: {status}, not {wanted}")
    assert not wrong, "\n".join(wrong)


def test_a_foreign_thing_answers_as_one_that_does_not_exist(house):
    server, people = house
    owner, foreigner, member = people["owner"](), people["foreigner"](), people["member"]()
    key = owner.create(name="mine")["id"]

    def body(answer):
        return answer.status_code, {name: value for name, value in answer.json().items() if name != "request_id"}

    for caller, tenant, known, absent in [
        (foreigner, TENANT, key, f"key-{ABSENT}"),
        (foreigner, "other", key, f"key-{ABSENT}"),
        (member, TENANT, key, f"key-{ABSENT}"),
    ]:
        for method, suffix in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/revoke"), ("POST", "/disable")]:
            sent = {} if method in ("PATCH", "POST") else None
            answers = [caller.in_tenant(method, f"api-keys/{id}{suffix}", sent, tenant=tenant) for id in (known, absent)]
            assert body(answers[0]) == body(answers[1]) and answers[0].status_code == 404, (method, suffix)
    missing = foreigner.in_tenant("GET", "api-keys/list", tenant="no-such-tenant")
    foreign = foreigner.in_tenant("GET", "api-keys/list")
    assert body(missing) == body(foreign)


def test_members_see_their_own_keys_admins_all_and_platform_admins_all_tenants(house):
    _, people = house
    member, admin, platform = people["member"](), people["admin"](), people["platform"]()
    mine, other = member.create(name="mine"), admin.create(name="other")
    own = [key["id"] for key in member.in_tenant("GET", "api-keys/list?per_page=200").json()]
    assert mine["id"] in own and other["id"] not in own
    everything = {key["id"]: key for key in admin.in_tenant("GET", "api-keys/list?per_page=200").json()}
    assert everything[mine["id"]]["owner"]["email"] == "member@example.com" and other["id"] in everything
    theirs = everything[other["id"]]["owner"]["id"]
    assert member.in_tenant("GET", f"api-keys/list?owner={theirs}").json() == []
    slugs = {tenant["slug"] for tenant in platform.call("GET", "/api/v1/tenants").json()}
    assert {"other", TENANT} <= slugs
    assert {tenant["slug"] for tenant in admin.call("GET", "/api/v1/tenants").json()} == {TENANT}
    assert member.in_tenant("POST", "api-keys/create", {"owner": theirs}).status_code == 403


def test_keys_die_with_their_owners_account(house):
    _, people = house
    platform, admin = people["platform"](), people["admin"]()
    password = "a long password for eve"
    eve = platform.in_tenant("POST", "users", {"email": "eve@example.com", "role": "member", "password": password}).json()
    caller = house[0].caller(house[0].sign_in("eve@example.com", password))
    key = caller.create(name="eve")["api_key"]
    assert admin.verify(key)["valid"]
    path = f"users/{eve['id']}"
    assert admin.in_tenant("PATCH", path, {"disabled": True}).status_code == 200
    assert admin.verify(key)["code"] == "disabled"
    assert caller.call("GET", "/api/v1/auth/me").status_code == 401, "the sessions have ended"
    assert admin.in_tenant("PATCH", path, {"disabled": False}).status_code == 200
    assert admin.verify(key)["valid"]
    assert admin.in_tenant("DELETE", path).status_code == 200
    assert admin.verify(key)["code"] == "disabled"


def test_only_owners_touch_owners_and_the_last_one_stays(house):
    _, people = house
    admin, owner, platform = people["admin"](), people["owner"](), people["platform"]()
    members = {user["email"]: user for user in admin.in_tenant("GET", "users").json()}
    boss = members["owner@example.com"]["id"]
    assert admin.in_tenant("PATCH", f"users/{boss}", {"role": "member"}).status_code == 403
    assert admin.in_tenant("POST", "users", {"email": "x@example.com", "role": "owner"}).status_code == 403
    assert owner.in_tenant("DELETE", f"users/{members['ada@example.com']['id']}").status_code == 200
    last = owner.in_tenant("DELETE", f"users/{boss}")
    assert (last.status_code, last.json()["code"]) == (409, "conflict")
    assert owner.in_tenant("PATCH", f"users/{boss}", {"platform_admin": True}).status_code == 422
    assert platform.call("GET", "/api/v1/users").status_code == 200
