"""Makes system calls of a running server fail, or kills it at one, with strace."""

import os
import shutil
import signal
import subprocess

import pytest


class Fault:
    """While it is entered, the `calls` of the server suffer `effect` in strace's words, such as `error=EIO`. Calls are
    counted from the entering on, in each thread by itself."""

    def __init__(self, server, calls: str, effect: str):
        if not shutil.which("strace"):
            pytest.skip("strace is not installed")
        if os.geteuid() != 0:
            pytest.skip("the server forbids being traced, by all but root")
        self.command = ["strace", "-f", "-p", str(server.process.pid), "-o", "/dev/null",
                        "-e", f"trace={calls}", "-e", f"inject={calls}:{effect}"]

    def __enter__(self):
        self.tracer = subprocess.Popen(self.command, stderr=subprocess.PIPE, text=True)
        said = self.tracer.stderr.readline()
        if "attached" not in said:
            self.tracer.wait(10)
            pytest.skip(f"this machine does not let us trace: {said.strip()}")
        return self

    def __exit__(self, *_):
        self.tracer.send_signal(signal.SIGINT)
        try:
            self.tracer.communicate(timeout=2)
        except subprocess.TimeoutExpired:
            # It sometimes waits for ever for a process that it has just killed, and keeps it from being reaped.
            self.tracer.kill()
            self.tracer.communicate()
