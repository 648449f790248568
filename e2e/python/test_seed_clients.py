"""The clients that the product came from, as their authors wrote them, but for token and port."""

import subprocess
import threading
from functools import wraps

import jwt
import pytest
import requests
from flask import Flask, jsonify, request
from werkzeug.serving import make_server

from conftest import TENANT

SEED_FIELDS = ["id", "name", "api_key", "scopes", "created_at", "expires_at", "last_used", "revoked"]


def curl(server, token, *arguments):
    command = ["curl", "-s", *arguments, "-H", f"Authorization: Bearer {token}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def test_curl_creates_lists_and_revokes_to_the_letter(server):
    token = server.sign_in()
    base = f"{server.base}/api/v1/tenant/{TENANT}/api-keys"
    created = requests.models.complexjson.loads(curl(
        server, token, "-X", "POST", f"{base}/create", "-H", "Content-Type: application/json", "-d",
        '{"name": "CI/CD Pipeline Key", "scopes": ["api:read", "api:write", "deploy:production"], "expires_in_days": 90}',
    ))
    assert list(created)[: len(SEED_FIELDS)] == SEED_FIELDS
    assert created["scopes"] == ["api:read", "api:write", "deploy:production"]
    assert created["expires_at"] - created["created_at"] == 90 * 86400
    assert created["last_used"] is None and created["revoked"] is False
    forever = requests.models.complexjson.loads(curl(
        server, token, "-X", "POST", f"{base}/create", "-H", "Content-Type: application/json", "-d",
        '{"name": "Permanent Integration Key", "scopes": ["api:read"], "expires_in_days": 0}',
    ))
    assert forever["expires_at"] is None
    listed = requests.models.complexjson.loads(curl(server, token, "-X", "GET", f"{base}/list"))
    assert isinstance(listed, list)
    mine = next(key for key in listed if key["id"] == created["id"])
    assert "api_key" not in mine and mine["name"] == "CI/CD Pipeline Key"
    answer = curl(server, token, "-X", "POST", f"{base}/{created['id']}/revoke")
    assert answer == '{"success":true,"message":"API key revoked successfully"}'
    listed = requests.models.complexjson.loads(curl(server, token, "-X", "GET", f"{base}/list"))
    assert next(key for key in listed if key["id"] == created["id"])["revoked"] is True


def test_errors_read_to_the_letter(admin):
    key = admin.create(name="short", scopes=["api:read"])
    lacking = admin.verify(key["api_key"], permissions="deploy:production")
    assert lacking["error"] == "insufficient_scope"
    assert lacking["error_description"] == "API key does not have required permissions"
    admin.in_tenant("POST", f"api-keys/{key['id']}/revoke")
    revoked = admin.verify(key["api_key"])
    assert (revoked["error"], revoked["error_description"]) == ("invalid_token", "API key has been revoked")


class APIKeyClient:
    """The Python client."""

    def __init__(self, api_key, base_url):
        self.api_key = api_key
        self.base_url = base_url
        self.headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}

    def get(self, endpoint):
        response = requests.get(f"{self.base_url}{endpoint}", headers=self.headers)
        response.raise_for_status()
        return response.json()

    def post(self, endpoint, data):
        response = requests.post(f"{self.base_url}{endpoint}", headers=self.headers, json=data)
        response.raise_for_status()
        return response.json()


def require_scope(public_key, *required_scopes):
    """The decorator of the protected API."""

    def decorator(f):
        @wraps(f)
        def decorated_function(*args, **kwargs):
            auth_header = request.headers.get("Authorization", "")
            if not auth_header.startswith("Bearer "):
                return jsonify({"error": "No token provided"}), 401
            try:
                payload = jwt.decode(auth_header[7:], public_key, algorithms=["RS256"], audience="your-api")
                token_scopes = payload.get("scopes", [])
                if not any(scope in token_scopes for scope in required_scopes):
                    return jsonify({"error": "Insufficient permissions", "provided": token_scopes}), 403
                request.api_key_info = payload
            except jwt.ExpiredSignatureError:
                return jsonify({"error": "Token expired"}), 401
            except jwt.InvalidTokenError as e:
                return jsonify({"error": "Invalid token", "detail": str(e)}), 401
            return f(*args, **kwargs)

        return decorated_function

    return decorator


@pytest.fixture
def protected(server, admin):
    """A Flask API that trusts our public key and the audience of the tenant's settings."""
    changed = admin.call("PATCH", f"/api/v1/tenant/{TENANT}", json={"audience": "your-api"})
    assert changed.status_code == 200, changed.text
    admin.create(format="jwt", scopes=["api:read"])
    keys = jwt.PyJWKClient(f"{server.base}/.well-known/jwks.json").get_signing_keys()
    app = Flask("protected")

    @app.route("/api/v1/resources", methods=["GET"])
    @require_scope(keys[0].key, "api:read", "admin:all")
    def list_resources():
        return jsonify({"resources": [], "accessed_by": request.api_key_info.get("key_id")})

    @app.route("/api/v1/deploy", methods=["POST"])
    @require_scope(keys[0].key, "deploy:production")
    def deploy_production():
        return jsonify({"status": "deployed"})

    http = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join()


def test_the_flask_decorator_accepts_our_jwt_keys(protected, admin):
    key = admin.create(format="jwt", scopes=["api:read"], expires_in_days=90)
    client = APIKeyClient(key["api_key"], protected)
    assert client.get("/api/v1/resources") == {"resources": [], "accessed_by": key["id"]}
    with pytest.raises(requests.exceptions.HTTPError) as refused:
        client.post("/api/v1/deploy", {"version": "1"})
    assert refused.value.response.status_code == 403
    forged = key["api_key"][:-6] + ("AAAAAA" if key["api_key"][-6:] != "AAAAAA" else "BBBBBB")
    with pytest.raises(requests.exceptions.HTTPError) as refused:
        APIKeyClient(forged, protected).get("/api/v1/resources")
    assert refused.value.response.status_code == 401


def test_a_jwt_key_states_the_claims_of_the_seed(admin):
    key = admin.create(format="jwt", scopes=["api:read", "deploy:production"], expires_in_days=0)
    claims = jwt.decode(key["api_key"], options={"verify_signature": False})
    assert claims["scopes"] == ["api:read", "deploy:production"]
    assert claims["key_id"] == key["id"] and claims["tenant"] == TENANT and claims["env"] == "live"
    assert claims["sub"].startswith("user-") and "exp" not in claims and "iat" in claims
    assert jwt.get_unverified_header(key["api_key"])["alg"] == "RS256"
