"""Starts the real binary on a free port with a folder of its own."""

import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
import requests

EMAIL = "ada@example.com"
PASSWORD = "violet kettle under the bridge"
TENANT = "my-tenant"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running keywright, and a token of its first administrator."""

    def __init__(self, folder: pathlib.Path, under=(), **settings: str):
        self.folder = folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / "output.log"
        # The words of a program that runs the binary, such as strace.
        self.under = list(under)
        self.settings = settings
        self.process = None

    def environment(self) -> dict:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KEYWRIGHT_")}
        return kept | {
            "KEYWRIGHT_LISTEN": f"127.0.0.1:{self.port}",
            "KEYWRIGHT_DATA": str(self.folder / "data"),
            "KEYWRIGHT_ADMIN_EMAIL": EMAIL,
            "KEYWRIGHT_ADMIN_PASSWORD": PASSWORD,
            "KEYWRIGHT_TENANT": TENANT,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
        } | {f"KEYWRIGHT_{name.upper()}": value for name, value in self.settings.items()}

    def start(self) -> "Server":
        output = self.log.open("ab")
        self.process = subprocess.Popen(
            [*self.under, os.environ["KEYWRIGHT_BIN"], "serve"], env=self.environment(), stdout=output, stderr=output
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                if requests.get(self.base + "/readyz", timeout=1).ok:
                    return self
            except requests.RequestException:
                pass
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=40)

    def sign_in(self, email=EMAIL, password=PASSWORD) -> str:
        answer = requests.post(
            self.base + "/api/v1/auth/login", json={"email": email, "password": password}, timeout=10
        )
        assert answer.status_code == 200, answer.text
        return answer.json()["access_token"]

    def caller(self, token=None) -> "Caller":
        return Caller(self.base, token)

    def admin(self) -> "Caller":
        return self.caller(self.sign_in())

    def command(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        environment = self.environment() | {"KEYWRIGHT_SERVER": self.base} | more.pop("env", {})
        return subprocess.run(
            [os.environ["KEYWRIGHT_BIN"], *arguments],
            env=environment, capture_output=True, text=True, timeout=60, **more,
        )


class Caller:
    """Somebody who calls, with a token or without."""

    def __init__(self, base: str, token):
        self.base = base
        self.session = requests.Session()
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, **more) -> requests.Response:
        return self.session.request(method, self.base + path, timeout=30, **more)

    def in_tenant(self, method: str, path: str, body=None, tenant=TENANT, **more) -> requests.Response:
        return self.call(method, f"/api/v1/tenant/{tenant}/{path}", json=body, **more)

    def create(self, **wish) -> dict:
        answer = self.in_tenant("POST", "api-keys/create", wish)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def verify(self, key: str, **more) -> dict:
        answer = self.call("POST", "/api/v1/verify", json={"key": key, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def fresh(tmp_path):
    """A server of this test alone, not started yet."""
    server = Server(tmp_path)
    yield server
    if server.process and server.process.poll() is None:
        server.kill()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A server that tests share."""
    server = Server(tmp_path_factory.mktemp("shared")).start()
    yield server
    assert server.stop() == 0, server.log.read_text()


@pytest.fixture(scope="session")
def admin(server):
    return server.admin()
