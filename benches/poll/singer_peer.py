"""A minimal tap of the Singer SDK.

    singer_peer.py URL PAGE_SIZE
"""
import sys

from singer_sdk import Tap
from singer_sdk import typing as th
from singer_sdk.pagination import BasePageNumberPaginator
from singer_sdk.streams import RESTStream


class Pages(BasePageNumberPaginator):
    def has_more(self, response):
        return response.json()["hasNext"]


class Contacts(RESTStream):
    name, path, http_method = "contact", "", "POST"
    primary_keys, replication_key, is_sorted = ("sk",), "modifydate", True
    schema = th.PropertiesList(
        *(th.Property(name, th.StringType) for name in ("sk", "pk", "orgId", "state", "createdate")),
        th.Property("modifydate", th.DateTimeType), th.Property("version", th.IntegerType), th.Property("data", th.ObjectType()),
    ).to_dict()

    @property
    def url_base(self):
        return self.config["url"]

    def get_new_paginator(self):
        return Pages(1)

    def prepare_request_payload(self, context, next_page_token):
        since = self.get_starting_replication_key_value(context) or "1970-01-01T00:00:00.000Z"
        return {
            "query": {"modifydate": {"$gte": since}},
            "options": {"sort": {"modifydate": 1}, "pageSize": self.config["page_size"], "page": next_page_token},
        }

    def parse_response(self, response):
        yield from response.json()["data"]


class Peer(Tap):
    name = "tap-peer"
    config_jsonschema = th.PropertiesList(th.Property("url", th.StringType), th.Property("page_size", th.IntegerType)).to_dict()

    def discover_streams(self):
        return [Contacts(self)]


if __name__ == "__main__":
    import json
    import pathlib
    import tempfile

    # The command line takes a file.
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "config.json")
        config.write_text(json.dumps({"url": sys.argv[1], "page_size": int(sys.argv[2])}))
        Peer.cli(["--config", str(config)])
