"""Puts one item into a table while a stack is deployed: DynamoDB has no resource for an item in CloudFormation."""

import json
import urllib.request

# What boto3 stands on: Lambda has both, the emulated account of tests/deployed this one alone.
import botocore.session


def handler(event, _context):
    told = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    properties = event["ResourceProperties"]
    told.update(PhysicalResourceId=properties["Id"], Status="SUCCESS")
    try:
        # The item stays when the stack goes, as its table does.
        if event["RequestType"] != "Delete":
            table = botocore.session.get_session().create_client("dynamodb")
            table.put_item(TableName=properties["Table"], Item=json.loads(properties["Item"]))
    except Exception as why:
        # An answer may have 4096 bytes.
        told.update(Status="FAILED", Reason=f"{type(why).__name__}: {why}"[:1000])
    # The address is signed for an empty content type, as AWS's own module cfnresponse sends it:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-lambda-function-code-cfnresponsemodule.html
    answer = urllib.request.Request(event["ResponseURL"], json.dumps(told).encode(), {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(answer, timeout=20)
