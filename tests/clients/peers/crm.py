"""A PostgreSQL for tests, as it is installed, with the database of a CRM: below the folder that is the argument, on a port of its own.

POLDER_SECRET_CRM_PASSWORD   the password of who owns it (`crm`) and of who only reads (`polder_reader`)

Says `{"crm": PORT}` on a line of its own when it listens, and ends when its stdin does.
"""

import glob
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PASSWORD = os.environ["POLDER_SECRET_CRM_PASSWORD"]
folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: -int(path.split("/")[-2]))
PATH = os.pathsep.join([*folders, os.environ["PATH"]])


def program(name):
    missing = f"PostgreSQL is not installed: there is no {name} (Debian, Ubuntu: apt-get install postgresql)"
    return shutil.which(name, path=PATH) or sys.exit(missing)


def psql(database, *arguments):
    command = [program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "crm", "-d", database]
    return subprocess.run([*command, *arguments], env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True)


folder = os.path.join(sys.argv[1], "crm")
os.mkdir(folder)
data, secret = os.path.join(folder, "data"), os.path.join(folder, "password")
with open(secret, "w") as file:
    file.write(PASSWORD)
# PostgreSQL does not run as root.
somebody = {}
if os.geteuid() == 0:
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    somebody = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    for path in (folder, secret):
        os.chown(path, user.pw_uid, user.pw_gid)
initdb = [program("initdb"), "-D", data, "-U", "crm", "--pwfile", secret, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
subprocess.run([*initdb, "--no-sync", "--no-instructions"], check=True, stdout=sys.stderr, **somebody)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "dynamic_shared_memory_type=mmap"]
command = [program("postgres"), "-D", data, "-p", str(port), *(part for setting in settings for part in ("-c", setting))]
server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, **somebody)
deadline = time.monotonic() + 30
while (done := psql("postgres", "-c", "create database crm")).returncode:
    if server.poll() is not None or time.monotonic() > deadline:
        sys.exit(f"PostgreSQL does not start: {done.stderr}")
    time.sleep(0.05)
done = psql("crm", "-v", f"password={PASSWORD}", "-f", os.path.join(HERE, "crm.sql"))
if done.returncode:
    sys.exit(f"crm.sql: {done.stderr}")
print(json.dumps({"crm": port}), flush=True)
sys.stdin.read()
server.terminate()
server.wait()
