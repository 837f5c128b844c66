"""A Google Cloud Storage for tests, on a loopback port of its own: moto, as it comes, behind a translator of Google's XML API to S3's.

Google's XML API is S3's but for a few headers. A condition on an object's generation is one on its ETag here: `0`, that there is none yet,
is `If-None-Match: *`. The arguments are buckets to make.

Says `{"gcp": URL}` on a line of its own when it listens, and ends when its stdin does.
"""

import http.client
import json
import sys
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import unquote

import boto3
from moto.server import ThreadedMotoServer

# moto looks whether a request is signed, and not by what.
SIGNED = "AWS4-HMAC-SHA256 Credential=polder/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
OWN = {"host", "authorization", "connection", "content-length", "transfer-encoding", "x-goog-if-generation-match", "x-goog-copy-source"}


# moto looks whether an object is there and then writes it; Google does both at once.
one_at_a_time = Lock()


def bucket_decoded(path):
    """Google's clients encode a bucket's `-`, which moto does not look through."""
    bucket, slash, rest = path[1:].partition("/")
    bucket, mark, query = bucket.partition("?")
    return f"/{unquote(bucket)}{mark}{query}{slash}{rest}"


class Translator(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def translate(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in OWN}
        headers["authorization"] = SIGNED
        wanted = self.headers.get("x-goog-if-generation-match")
        if wanted == "0":
            headers["if-none-match"] = "*"
        elif wanted:
            return self.answer(501, {}, b"<Error><Code>NotImplemented</Code></Error>")
        if source := self.headers.get("x-goog-copy-source"):
            headers["x-amz-copy-source"] = source
        upstream = http.client.HTTPConnection(host, port, timeout=60)
        try:
            with one_at_a_time if "if-none-match" in headers else nullcontext():
                upstream.request(self.command, bucket_decoded(self.path), body, headers)
                found = upstream.getresponse()
                answer = found.read()
        finally:
            upstream.close()
        kept = {name: value for name, value in found.getheaders() if name.lower() not in ("connection", "transfer-encoding", "date", "server")}
        # An object's generation is a number that goes up; clients only keep it.
        kept["x-goog-generation"] = "1"
        self.answer(found.status, kept, answer)

    def answer(self, status, headers, body):
        self.send_response(status)
        sized = any(name.lower() == "content-length" for name in headers)
        for name, value in headers.items():
            self.send_header(name, value)
        if not sized:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = translate

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
moto.start()
host, port = moto.get_host_and_port()
s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1", aws_access_key_id="polder", aws_secret_access_key="polder")
for bucket in sys.argv[1:]:
    s3.create_bucket(Bucket=bucket)
server = Server(("127.0.0.1", 0), Translator)
Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"gcp": f"http://127.0.0.1:{server.server_port}"}), flush=True)
sys.stdin.readline()
moto.stop()
