"""schemathesis drives every operation of the served OpenAPI document: no 5xx, no breach of a schema."""

import json
import os
import subprocess
import sys

import pytest

from conftest import Server

EXAMPLES = os.environ.get("KEYWRIGHT_SCHEMA_EXAMPLES", "25")
# Operations that would end the session or take away the keys that the run itself depends on.
LEFT_OUT = {
    "sign_out": "ends the session of the run",
    "end_session": "could end the session of the run",
    "change_password": "limits guesses of the run's own password",
    "rotate_pepper": "a keyring holds two peppers, so the second call must fail",
    "rotate_root": "a keyring holds eight root keys, so the ninth call must fail",
    "update_tenant": "could suspend the tenant of the run",
    "sign_in": "limits guesses from the address of the run",
    "refresh_session": "limits guesses from the address of the run",
    "set_up": "limits guesses from the address of the run",
    "accept_invitation": "limits guesses from the address of the run",
}


@pytest.mark.parametrize("who", ["admin", "member"])
def test_no_operation_fails_or_breaks_its_schema(tmp_path, who):
    server = Server(tmp_path, log="error").start()
    token = server.sign_in()
    if who == "member":
        password = "a long password for bob"
        made = server.caller(token).in_tenant("POST", "users", {"email": "bob@example.com", "role": "member", "password": password})
        assert made.status_code == 201, made.text
        token = server.sign_in("bob@example.com", password)
    command = [
        os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", server.base + "/openapi.json",
        "--header", f"Authorization: Bearer {token}", "--max-examples", EXAMPLES, "--seed", "20", "--workers", "1",
        "--phases", "examples,coverage,fuzzing", "--mode", "all", "--no-color",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--exclude-operation-id-regex", "^(" + "|".join(LEFT_OUT) + ")$",
        "--request-timeout", "10",
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    output = run.stdout + run.stderr
    assert server.stop() == 0
    assert run.returncode == 0, output[-12000:]
    assert "error" not in server.log.read_text().lower(), server.log.read_text()[-4000:]


def test_the_document_names_every_operation_once(server):
    document = server.caller().call("GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    names = [
        operation["operationId"]
        for item in document["paths"].values() for operation in item.values() if isinstance(operation, dict)
    ]
    assert len(names) == len(set(names)) and set(LEFT_OUT) <= set(names)
    with open(os.path.join(os.path.dirname(__file__), "../../openapi.json"), encoding="utf-8") as file:
        assert json.load(file) == document


def test_the_explorer_loads_nothing_from_elsewhere(server):
    page = server.caller().call("GET", "/docs/")
    assert page.status_code == 200 and "swagger" in page.text.lower()
    for part in page.text.split('"'):
        assert not part.startswith(("http://", "https://", "//")), part
