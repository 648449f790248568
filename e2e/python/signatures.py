"""Signs requests by itself, with nothing of Keywright's: HTTP Message Signatures (RFC 9421) with hmac-sha256."""

import base64
import hashlib
import hmac
import time
import uuid

URL = "https://api.example.com/orders?page=2"


def content_digest(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign(pair, method="GET", url=URL, body=b"", headers=None, created=None, nonce=None, secret=None, components=None) -> dict:
    """The headers that sign a request, and those that were signed along."""
    headers = {name.lower(): value for name, value in (headers or {}).items()}
    if body:
        headers["content-digest"] = content_digest(body)
    values = {"@method": method, "@target-uri": url} | headers
    covered = list(values) if components is None else components
    parameters = f'({" ".join(chr(34) + name + chr(34) for name in covered)});created={created or int(time.time())}'
    parameters += f';nonce="{nonce or uuid.uuid4()}";keyid="{pair["api_key"]}"'
    base = "".join(f'"{name}": {values[name]}\n' for name in covered) + f'"@signature-params": {parameters}'
    mac = hmac.new((secret or pair["api_secret"]).encode(), base.encode(), hashlib.sha256).digest()
    return headers | {"signature-input": f"sig1={parameters}", "signature": f"sig1=:{base64.b64encode(mac).decode()}:"}


def question(headers: dict, method="GET", url=URL, body=b"", **request) -> dict:
    """What a verifier asks about such a request."""
    headers = {name.lower(): value for name, value in headers.items()}
    signature = {"signature_input": headers.pop("signature-input"), "signature": headers.pop("signature")}
    if body:
        signature["body_digest"] = content_digest(body)
    return {"signature": signature, "request": {"method": method, "target_uri": url, "headers": headers} | request}


def asked(pair, how: str, request=None) -> dict:
    """The question of a case in spec/cases."""
    more = {
        # Ahead: what was signed in the very second in which a server began counts as signed before.
        "right": {"created": int(time.time()) + 1}, "replayed": {"created": int(time.time()) + 1}, "wrong": {"secret": "kw_live_wrong"}, "uncovered": {"components": ["@method"]},
        "stale": {"created": int(time.time()) - 310},
    }[how]
    return question(sign({"api_secret": "none"} | pair, **more), **(request or {}))
