"""A key is seen once and nowhere else: not in the database, the log, the audit trail or an answer."""

import base64

import signatures
from conftest import PASSWORD, Server


def forms(secret: str) -> list:
    """The secret, and what it looks like when somebody encodes it. Signatures of JWT keys count as the key."""
    text = secret.split(".")[-1] if secret.startswith("eyJ") else secret
    raw = text.encode()
    return [raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode()]


def test_no_secret_is_found_anywhere(tmp_path):
    server = Server(tmp_path, log="trace").start()
    try:
        login = server.caller().call("POST", "/api/v1/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
        tokens = login.json()
        secrets = [PASSWORD, tokens["access_token"], tokens["refresh_token"]]
        admin = server.caller(tokens["access_token"])
        keys = [admin.create(format=format, scopes=["api:read"], name=format) for format in ("opaque", "jwt", "pair")]
        signing = admin.create(request_signing=True, scopes=["api:read"], name="signing")
        signed = signatures.asked(signing, "right")
        assert admin.verify(signing["api_key"], explain=True, **signed)["valid"]
        assert admin.verify(signing["api_key"], secret=signing["api_secret"])["code"] == "signature_required"
        secrets += [signing["api_key"], signing["api_secret"]]
        assert admin.call("POST", "/api/v1/secrets/root/rotate").status_code == 200
        custom = "Tq8-vN3_zR6.wK1~bY9!cM4@xL7#pD2"
        keys.append(admin.create(format="custom", api_key=custom, name="custom"))
        system = admin.create(kind="system", scopes=["keywright:keys:read", "keywright:verify"], name="system")
        keys.append(system)
        for key in keys:
            assert admin.verify(key["api_key"], secret=key.get("api_secret"), explain=True)["valid"]
            admin.verify(key["api_key"], secret="wrong-secret", permissions="billing:manage")
            secrets += [key["api_key"]] + ([key["api_secret"]] if "api_secret" in key else [])
        machine = server.caller(system["api_key"])
        assert machine.in_tenant("GET", "api-keys/list").status_code == 200
        server.caller().call("GET", "/api/v1/auth/me", headers={"X-API-Key": keys[2]["api_key"], "X-API-Secret": keys[2]["api_secret"]})
        server.caller().call("GET", f"/api/v1/auth/me?api_key={keys[0]['api_key']}")
        invited = admin.in_tenant("POST", "users", {"email": "bob@example.com", "role": "member"}).json()
        secrets.append(invited["token"])
        server.caller().call("POST", "/api/v1/auth/login", json={"email": "ada@example.com", "password": "a wrong but long password"})
        renewed = server.caller().call("POST", "/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}).json()
        secrets += [renewed["access_token"], renewed["refresh_token"], "a wrong but long password"]
        admin = server.caller(renewed["access_token"])
        answers = [
            admin.in_tenant("GET", "api-keys/list"), admin.in_tenant("GET", "audit"), admin.in_tenant("GET", "users"),
            admin.call("GET", "/api/v1/audit/export"), admin.call("GET", "/api/v1/secrets"),
            *[admin.in_tenant("GET", f"api-keys/{key['id']}") for key in keys],
        ]
        assert all(answer.status_code == 200 for answer in answers)
        shown = b"".join(answer.content for answer in answers)
    finally:
        server.stop()
    places = {"the answers": shown, "the output": server.log.read_bytes()}
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            places[str(path)] = path.read_bytes()
    assert any(name.endswith("keywright.db") for name in places)
    for name, content in places.items():
        for secret in secrets:
            for form in forms(secret):
                assert form not in content, f"{secret[:8]}... stands in {name}"


def test_the_keyring_and_the_database_are_private(fresh):
    fresh.start()
    data = fresh.folder / "data"
    assert data.stat().st_mode & 0o077 == 0
    assert (data / "keyring").stat().st_mode & 0o077 == 0
    assert (data / "keywright.db").stat().st_mode & 0o077 == 0
