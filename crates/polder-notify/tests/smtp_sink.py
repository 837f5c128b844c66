"""A mail server that keeps what it gets: aiosmtpd, with STARTTLS and a login when a certificate is given.

Prints its port, then each message as one line of JSON. Ends when its input does.
"""

import argparse, json, ssl, sys, threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

arguments = argparse.ArgumentParser()
arguments.add_argument("--certificate")
arguments.add_argument("--key")
arguments.add_argument("--implicit", action="store_true")
arguments.add_argument("--refuse", type=int, default=0, help="how many messages are put off first")
options = arguments.parse_args()


class Keep:
    put_off = options.refuse

    async def handle_DATA(self, server, session, envelope):
        if Keep.put_off > 0:
            Keep.put_off -= 1
            return "451 later"
        kept = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": envelope.content.decode("utf-8", "surrogateescape"),
            "tls": session.ssl is not None or options.implicit,
            "authenticated": session.authenticated,
        }
        print(json.dumps(kept), flush=True)
        return "250 kept"


def known(server, session, envelope, mechanism, data):
    login = getattr(data, "login", b""), getattr(data, "password", b"")
    return AuthResult(success=login == (b"polder", b"pass word"))


context = None
if options.certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
settings = {"hostname": "127.0.0.1", "port": 0}
if context and options.implicit:
    settings |= {"ssl_context": context}
elif context:
    settings |= {"tls_context": context, "require_starttls": True, "authenticator": known, "auth_required": True}


class AnyPort(Controller):
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


controller = AnyPort(Keep(), **settings)
controller.start()
print(controller.port, flush=True)
sys.stdin.read()
controller.stop()
