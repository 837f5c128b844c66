"""An S3 and STS for tests, on a loopback port of its own: moto, as it comes, with the buckets that are named as arguments.

Says `{"s3": ...}` on a line of its own when it listens, and ends when its stdin does.
"""

import json
import sys

import boto3
from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"
s3 = boto3.client("s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="polder", aws_secret_access_key="polder")
for bucket in sys.argv[1:]:
    s3.create_bucket(Bucket=bucket)
print(json.dumps({"s3": url}), flush=True)
sys.stdin.read()
server.stop()
