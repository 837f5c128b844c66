"""The program `polder`, called by scripts, and a server of a script's own.

POLDER_PROGRAM       where it is
POLDER_URL           the server that all scripts are run against
POLDER_ADMIN_TOKEN   a token of who administers it
POLDER_MESH          the folder of the mesh that it serves
"""

import os
import re
import subprocess
import tempfile
import time

PROGRAM = os.environ["POLDER_PROGRAM"]
# What is set for clients of one server is not for another, nor for a mesh's folder.
_OUTSIDE = {name: value for name, value in os.environ.items() if name not in ("POLDER_SERVER", "POLDER_TOKEN")}


def polder(*arguments, **environment):
    """Runs the program to its end, which must be a good one, and returns what it prints."""
    done = subprocess.run([PROGRAM, *arguments], env={**_OUTSIDE, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def admin(*arguments):
    """Runs the program against the server that all scripts are run against, as who administers it."""
    return polder(*arguments, POLDER_SERVER=os.environ["POLDER_URL"], POLDER_TOKEN=os.environ["POLDER_ADMIN_TOKEN"])


def in_mesh(*arguments):
    """Runs the program in the folder of the mesh that is served, past the server."""
    return polder("--dir", os.environ["POLDER_MESH"], *arguments)


class Server:
    """A server over the mesh in a folder, which is applied first. Ends with the `with` that begins it."""

    def __init__(self, mesh, apply=("apply", "--yes"), serve=("serve",), listen="127.0.0.1:0", **environment):
        self.mesh, self.apply, self.serve, self.listen, self.environment = mesh, apply, serve, listen, environment

    def __enter__(self):
        polder("--dir", self.mesh, *self.apply, **self.environment)
        self.log = tempfile.TemporaryFile("w+", prefix="polder-server-")
        command = [PROGRAM, "--dir", self.mesh, *self.serve, "--listen", self.listen, "--postgres", "127.0.0.1:0"]
        self.process = subprocess.Popen(command, env={**_OUTSIDE, **self.environment}, stdout=self.log, stderr=self.log)
        self.url = self._said(r"^polder serves .* at (http://\S+)$")
        self.postgres = self._said(r"^clients of PostgreSQL connect to ([\d.:]+):")
        self.bootstrap = self._said(r"^\s*(polder_boot_\S+)$")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def _said(self, pattern):
        deadline = time.monotonic() + 60
        while True:
            self.log.seek(0)
            text = self.log.read()
            if found := re.search(pattern, text, re.MULTILINE):
                return found.group(1)
            assert self.process.poll() is None and time.monotonic() < deadline, f"the server is not ready: {text[-2000:]}"
            time.sleep(0.05)

    def token(self, principal, scopes):
        """A new token of a principal."""
        arguments = ("token", "create", "--label", "clients", "--principal", principal, "--scope", scopes)
        return polder(*arguments, POLDER_SERVER=self.url, POLDER_TOKEN=self.bootstrap).strip()
