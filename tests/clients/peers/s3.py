"""An S3 and STS for tests, on a loopback port of its own: moto, as it comes, with the buckets that are named as arguments.

Says `{"s3": URL, "aws": URL}` on a line of its own when it listens, and ends when its stdin does or says something.
"""

import json
import sys
from contextlib import nullcontext
from threading import Lock

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
# moto looks whether an object is there and then writes it; S3 does both at once.
looking = Lock()
moto = server._server.app


def one_at_a_time(environ, start_response):
    with looking if "HTTP_IF_NONE_MATCH" in environ else nullcontext():
        return list(moto(environ, start_response))


server._server.app = one_at_a_time
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="polder", aws_secret_access_key="polder")
for bucket in sys.argv[1:]:
    s3.create_bucket(Bucket=bucket)
print(json.dumps({"s3": url, "aws": url}), flush=True)
sys.stdin.readline()
server.stop()
