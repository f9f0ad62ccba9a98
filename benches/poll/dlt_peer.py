"""dlt: an incremental resource, to JSON lines in a local folder.

    dlt_peer.py URL PAGE_SIZE FOLDER
"""
import os
import sys

url, size, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
os.environ.update({
    "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR", "DATA_WRITER__DISABLE_COMPRESSION": "true",
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true", "EXTRACT__WORKERS": "1", "NORMALIZE__WORKERS": "1", "LOAD__WORKERS": "1",
})
import dlt  # noqa: E402
from dlt.sources.helpers import requests  # noqa: E402


@dlt.resource(name="contact", primary_key="sk", write_disposition="append", max_table_nesting=0, parallelized=False)
def contact(changed=dlt.sources.incremental("modifydate", initial_value="1970-01-01T00:00:00.000Z", row_order="asc")):
    session, page = requests.Client().session, 1
    while True:
        answer = session.post(url, json={
            "query": {"modifydate": {"$gte": changed.start_value}},
            "options": {"sort": {"modifydate": 1}, "pageSize": size, "page": page},
        }).json()
        yield answer["data"]
        if not answer["hasNext"]:
            return
        page += 1


pipeline = dlt.pipeline("peer", destination=dlt.destinations.filesystem(f"file://{folder}/out"), dataset_name="peer", pipelines_dir=f"{folder}/state")
pipeline.run(contact(), loader_file_format="jsonl")
