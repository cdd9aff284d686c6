import dataclasses

import pytest


@pytest.fixture
def bucket(sample):
    """Return the environment in which an S3 server of the tests has a bucket with the data set."""
    boto3 = pytest.importorskip("boto3")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "AKIADOCS", "AWS_SECRET_ACCESS_KEY": "docs"}
    address = f"http://{host}:{port}"
    s3 = boto3.client(
        "s3", endpoint_url=address, region_name="us-east-1",
        **{name.lower(): value for name, value in keys.items()},
    )  # fmt: skip
    s3.create_bucket(Bucket="bucket")
    for path in (path for path in sample.rglob("*") if path.is_file()):
        s3.upload_file(str(path), "bucket", f"my_data/{path.relative_to(sample)}")
    yield {**keys, "AWS_ENDPOINT_URL": address, "AWS_DEFAULT_REGION": "us-east-1"}
    server.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_block_runs(reader, bucket):
    reader = dataclasses.replace(reader, environment={**reader.environment, **bucket})
    reader.read("docs/tutorials/s3.md")
