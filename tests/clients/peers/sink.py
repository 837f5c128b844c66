"""Where a server's messages arrive in tests: an SMTP server (aiosmtpd, as it comes) and an HTTP server, on loopback ports of their own.

The HTTP server takes webhooks at /hook and is a ticket system in the shape of Jira's REST API at /rest/api/3/issue. GET / shows all that
arrived, as it arrived: {"mails": [...], "calls": [...]}.

Says `{"smtp": PORT, "http": URL}` on a line of its own when it listens, and ends when its stdin does.
"""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

from aiosmtpd.controller import Controller

arrived = {"mails": [], "calls": []}
lock = Lock()


class Mail:
    async def handle_DATA(self, server, session, envelope):
        with lock:
            arrived["mails"].append({
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "text": envelope.content.decode("utf-8", "replace"),
            })
        return "250 kept"


class Calls(BaseHTTPRequestHandler):
    def do_GET(self):
        with lock:
            self.answer(200, arrived)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with lock:
            arrived["calls"].append({"path": self.path, "headers": headers, "body": base64.b64encode(body).decode()})
            tickets = sum(call["path"] == "/rest/api/3/issue" for call in arrived["calls"])
        if self.path == "/rest/api/3/issue":
            self.answer(201, {"id": str(10000 + tickets), "key": f"DATA-{tickets}"})
        else:
            self.answer(200, {})

    def answer(self, status, value):
        text = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class Loopback(Controller):
    """Controller connects to its port to see that it listens, and so has to know which."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


mail = Loopback(Mail(), hostname="127.0.0.1", port=0)
mail.start()
http = ThreadingHTTPServer(("127.0.0.1", 0), Calls)
Thread(target=http.serve_forever, daemon=True).start()
print(json.dumps({"smtp": mail.port, "http": f"http://127.0.0.1:{http.server_port}"}), flush=True)
sys.stdin.read()
mail.stop()
