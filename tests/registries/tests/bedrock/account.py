"""An emulated account whose Bedrock is asked: ministack with IAM evaluation on, and a user that may ask models.

usage: account.py PORT MODEL_URL

Converse answers as the OpenAI-compatible model at MODEL_URL does. Once it listens, one line of JSON says where, since
when, and with which keys: those of a user that may ask, and of one that may not. It ends with its standard input.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time

import boto3

REGION = "us-east-1"


def keys(iam, name, policy):
    iam.create_user(UserName=name)
    if policy:
        iam.put_user_policy(UserName=name, PolicyName="ask", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return [key["AccessKeyId"], key["SecretAccessKey"]]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main(port, model):
    with tempfile.TemporaryDirectory() as scratch:
        env = {
            "PATH": os.environ.get("PATH", ""),
            "TMPDIR": scratch,
            "STATE_DIR": scratch,
            "GATEWAY_PORT": port,
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "AUTH": "true",
            "MINISTACK_BEDROCK_PROXY_URL": model,
        }
        emulator = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=env, stdout=sys.stderr, stdin=subprocess.DEVNULL
        )
        try:
            while not listens(int(port)):
                if emulator.poll() is not None:
                    sys.exit(f"ministack ended with {emulator.returncode}")
                time.sleep(0.1)
            url = f"http://127.0.0.1:{port}"
            root = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
            iam = boto3.client("iam", region_name=REGION, endpoint_url=url, **root)
            # AWS asks for InvokeModel alone, which decide's role has; the emulator has an action for each operation.
            actions = ["bedrock:InvokeModel", "bedrock:Converse"]
            allow = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            may = keys(iam, "asks", {"Version": "2012-10-17", "Statement": [allow]})
            told = {"url": url, "now": int(time.time()), "may": may, "may_not": keys(iam, "asks-not", None)}
            print(json.dumps(told), flush=True)
            sys.stdin.read()
        finally:
            emulator.terminate()
            emulator.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
