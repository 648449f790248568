"""Bad input gets a clear error that names the field, and never a 5xx."""

import base64
import http.client
import json
import socket

import pytest

from conftest import TENANT

CREATE = f"/api/v1/tenant/{TENANT}/api-keys/create"


def refused(answer, status, code):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["code"] == code and body["request_id"] and body["error_description"]
    return body.get("details", [])


def raw(admin, body, kind="application/json"):
    return admin.call("POST", CREATE, data=body, headers={"Content-Type": kind})


@pytest.mark.parametrize("body", [b"", b"{", b"[1,2", b'{"name": }', b'{"name": "\xff"}', b"nonsense", b"{}{}"])
def test_malformed_json(admin, body):
    refused(raw(admin, body), 400, "malformed_json")


def test_members_that_stand_twice_and_deep_nesting(admin):
    details = refused(raw(admin, b'{"name": "a", "name": "b"}'), 400, "malformed_json")
    assert "name" in json.dumps(details)
    refused(raw(admin, b'{"metadata": ' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}"), 400, "malformed_json")


@pytest.mark.parametrize("wish, path", [
    ({"nme": "x"}, "nme"),
    ({"name": 7}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "a\u0000b"}, "name"),
    ({"scopes": ["api:raed"]}, "scopes[0]"),
    ({"scopes": ["API:READ"]}, "scopes[0]"),
    ({"scopes": "api:read"}, "scopes"),
    ({"scopes": ["api:read", "api:read"]}, "scopes[1]"),
    ({"roles": ["nobody"]}, "roles[0]"),
    ({"purpose": "read_only", "scopes": ["api:read", "api:write"]}, "scopes[1]"),
    ({"purpose": "read_only", "scopes": ["api:*"]}, "scopes[0]"),
    ({"purpose": "read_only", "roles": ["read-only", "read-write"]}, "roles[1]"),
    ({"purpose": "web", "scopes": ["admin:all"]}, "scopes[0]"),
    ({"purpose": "mobile", "scopes": ["api:read", "admin:read"]}, "scopes[1]"),
    ({"purpose": "web", "roles": ["full-access"]}, "roles[0]"),
    ({"purpose": "emergency", "expires_in_days": 0}, "expires_in_days"),
    ({"purpose": "emergency", "expires_in_days": 8}, "expires_in_days"),
    ({"expires_in_days": -1}, "expires_in_days"),
    ({"expires_in_days": 36501}, "expires_in_days"),
    ({"expires_in_days": 10**30}, "expires_in_days"),
    ({"expires_in_days": 1.5}, "expires_in_days"),
    ({"expires_at": 1}, "expires_at"),
    ({"expires_at": 253402300800}, "expires_at"),
    ({"expires_at": 4000000000, "expires_in_days": 3}, "expires_at"),
    ({"environment": "moon"}, "environment"),
    ({"environment": "staging", "expires_in_days": 30}, "expires_in_days"),
    ({"format": "uuid"}, "format"),
    ({"format": "custom"}, "api_key"),
    ({"format": "custom", "api_key": "aaaaaaaaaaaaaaaaaaaaaaaa"}, "api_key"),
    ({"kind": "user", "purpose": "monitoring"}, "purpose"),
    ({"scopes": ["keywright:verify"]}, "scopes[0]"),
    ({"ip_allow": ["10.0.0.1/8"]}, "ip_allow[0]"),
    ({"ip_allow": ["0.0.0.0/0"]}, "ip_allow[0]"),
    ({"ip_deny": ["example.com"]}, "ip_deny[0]"),
    ({"metadata": [1]}, "metadata"),
    ({"metadata": {"x": "y" * 17000}}, "metadata"),
    ({"tags": ["x"] * 2}, "tags[1]"),
    ({"owner": "nobody"}, "owner"),
    ({"owner": "user-00000000-0000-7000-8000-000000000000"}, "owner"),
])
def test_fields_that_cannot_be_meant(admin, wish, path):
    details = refused(admin.call("POST", CREATE, json=wish), 422, "validation_failed")
    assert path in [detail["path"] for detail in details], details
    assert all(detail["problem"] and detail["fix"] for detail in details)


def test_every_wrong_field_is_named_at_once(admin):
    wish = {"name": "x" * 300, "expires_in_days": -5, "ip_allow": ["nonsense"]}
    details = refused(admin.call("POST", CREATE, json=wish), 422, "validation_failed")
    assert {detail["path"] for detail in details} == {"name", "expires_in_days", "ip_allow[0]"}


def test_sizes_and_types(admin):
    refused(raw(admin, b"x" * (10 * 1024 * 1024)), 413, "payload_too_large")
    refused(raw(admin, b"{}", "text/plain"), 415, "unsupported_media_type")
    assert admin.call("GET", "/readyz", headers={"X-Long": "x" * 65536}).status_code == 431
    assert admin.call("GET", "/readyz?" + "x" * 9000).status_code == 414
    refused(admin.call("PUT", CREATE), 405, "method_not_allowed")
    refused(admin.call("GET", "/api/v1/nothing"), 404, "not_found")


@pytest.mark.parametrize("key", [
    "", " ", "\x00", "kw_live_", "kw_live_" + "a" * 38, "a" * 4097, "ключ" * 10, "'; DROP TABLE keys; --",
    "eyJhbGciOiJub25lIn0.e30.", "a\r\nX: y" * 5, "kw_live_sk" + "A" * 36, "../../etc/passwd/and/more",
])
def test_hostile_keys_are_unknown_keys(admin, key):
    answer = admin.verify(key)
    assert (answer["valid"], answer["code"], answer["status"]) == (False, "invalid_key", 401)
    assert "key_id" not in answer


def test_credentials(server, admin):
    anonymous = server.caller()
    assert anonymous.call("GET", "/api/v1/auth/me").headers["WWW-Authenticate"] == 'Bearer realm="keywright"'
    refused(anonymous.call("GET", "/api/v1/auth/me"), 401, "missing_key")
    two = {"X-API-Key": "kw_live_x"}
    refused(admin.call("GET", "/api/v1/auth/me", headers=two), 400, "invalid_request")
    refused(admin.call("GET", "/api/v1/auth/me?api_key=kw_live_x"), 400, "invalid_request")
    for name in ("api_key", "access_token", "key"):
        answer = anonymous.call("GET", f"/api/v1/auth/me?{name}=kw_live_x")
        refused(answer, 400, "invalid_request")
        assert "logs" in answer.json()["error_description"]
    wrong = server.caller("kws_at_wrong").call("GET", "/api/v1/auth/me")
    refused(wrong, 401, "invalid_key")
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]


def test_a_system_key_is_taken_from_each_header_and_twice_from_none(server, admin):
    single = admin.create(kind="system", scopes=["keywright:keys:read"])["api_key"]
    made = admin.create(kind="system", format="pair", scopes=["keywright:keys:read"])
    key, secret = made["api_key"], made["api_secret"]
    basic = lambda user, password: "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()  # noqa: E731
    for headers in [
        {"Authorization": f"Bearer {single}"}, {"authorization": f"bearer {single}"}, {"X-API-Key": single},
        {"Authorization": basic(single, "")}, {"Authorization": basic(key, secret)},
        {"X-API-Key": key, "X-API-Secret": secret}, {"Authorization": f"Bearer {key}", "X-API-Secret": secret},
    ]:
        answer = server.caller().in_tenant("GET", "api-keys/list", headers=headers)
        assert answer.status_code == 200, (list(headers), answer.text)
    for headers in [
        [("Authorization", f"Bearer {single}")] * 2, [("X-API-Key", single)] * 2,
        [("Authorization", f"Bearer {single}"), ("X-API-Key", single)],
        [("X-API-Key", key), ("X-API-Secret", secret), ("X-API-Secret", secret)], [("X-API-Secret", secret)],
        [("Authorization", basic(key, secret)), ("X-API-Secret", secret)],
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.putrequest("GET", "/api/v1/tenant/my-tenant/api-keys/list")
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)["code"]) == (400, "invalid_request"), [name for name, _ in headers]
    wrong = {"Authorization": basic(key, secret[:-1] + ("a" if secret[-1] != "a" else "b"))}
    refused(server.caller().in_tenant("GET", "api-keys/list", headers=wrong), 401, "invalid_key")


def test_a_tenant_decides_whether_keys_may_stand_in_urls(server, admin):
    slug = "urls-tenant"
    assert admin.call("POST", "/api/v1/tenants", json={"slug": slug, "name": "URLs"}).status_code == 201
    key = admin.in_tenant("POST", "api-keys/create", {}, tenant=slug).json()["api_key"]
    answer = admin.verify(key, presented_in="query")
    assert (answer["code"], answer["status"], answer["error"]) == ("query_not_allowed", 400, "invalid_request")
    assert admin.verify(key, presented_in="header")["valid"]
    for allowed in (True, False):
        change = admin.call("PATCH", f"/api/v1/tenant/{slug}", json={"query_credentials": allowed})
        assert change.json()["settings"]["query_credentials"] is allowed
        assert admin.verify(key, presented_in="query")["valid"] is allowed
    answer = admin.call("POST", "/api/v1/verify", json={"key": key, "presented_in": "cookie"})
    assert refused(answer, 422, "validation_failed")[0]["path"] == "presented_in"


def test_a_purpose_bounds_a_key_for_its_whole_life(admin):
    role = {"name": "reader", "description": "reads", "scopes": ["api:read"]}
    assert admin.in_tenant("POST", "roles", role).status_code == 201
    reader = admin.create(purpose="read_only", roles=["reader"])
    plain = admin.create(roles=["reader"])
    grown = admin.in_tenant("PATCH", "roles/reader", {"scopes": ["api:read", "api:write"]})
    assert grown.status_code == 200, grown.text
    assert admin.verify(reader["api_key"], permissions="api:write")["code"] == "insufficient_scope"
    assert admin.verify(reader["api_key"], permissions="api:read")["valid"]
    assert admin.verify(plain["api_key"], permissions="api:write")["valid"]
    change = admin.in_tenant("PATCH", f"api-keys/{reader['id']}", {"scopes": ["api:write"]})
    assert refused(change, 422, "validation_failed")[0]["path"] == "scopes[0]"
    emergency = admin.create(purpose="emergency")
    assert 0 < emergency["expires_at"] - emergency["created_at"] <= 86_400
    never = admin.in_tenant("PATCH", f"api-keys/{emergency['id']}", {"expires_in_days": 0})
    assert refused(never, 422, "validation_failed")[0]["path"] == "expires_in_days"


def test_a_refusal_before_the_body_was_read_ends_no_connection(server):
    anonymous = server.caller()
    for _ in range(200):
        answer = anonymous.call("POST", CREATE, data=b"x" * 30_000, headers={"Content-Type": "application/json"})
        refused(answer, 401, "missing_key")
        assert "Connection" not in answer.headers
    large = anonymous.call("POST", CREATE, data=b"x" * 2_000_000, headers={"Content-Type": "application/json"})
    refused(large, 401, "missing_key")
    assert large.headers["Connection"] == "close"


def test_a_body_over_the_limit_is_answered_and_not_reset(admin):
    for _ in range(20):
        refused(raw(admin, b"x" * 3_000_000), 413, "payload_too_large")


def test_what_cannot_be_read_as_a_request_is_refused_like_everything_else(server):
    long, two = "x" * 40_000, "Host: b\r\n"
    for text, status, code in [
        (f"GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n", 431, "headers_too_large"),
        (f"GET /{long[:9000]} HTTP/1.1\r\nHost: a\r\n\r\n", 414, "uri_too_long"),
        (f"GET / HTTP/1.1\r\nHost: a\r\n{two}\r\n", 400, "invalid_request"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "invalid_request"),
    ]:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as stream:
            stream.sendall(text.encode())
            answer = http.client.HTTPResponse(stream)
            answer.begin()
            body = json.load(answer)
            assert (answer.status, body["code"]) == (status, code)
            assert body["request_id"] == answer.headers["X-Request-Id"] and body["error_description"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Connection"] == "close"


def test_queries(admin):
    for query, path in [("page=0", "page"), ("per_page=201", "per_page"), ("sort=color", "sort"),
                        ("status=lost", "status"), ("cursor=abc", "cursor"), ("expires_before=-1", "expires_before")]:
        details = refused(admin.in_tenant("GET", f"api-keys/list?{query}"), 422, "validation_failed")
        assert details[0]["path"] == path
    refused(admin.in_tenant("GET", "api-keys/list?pge=1"), 422, "validation_failed")
