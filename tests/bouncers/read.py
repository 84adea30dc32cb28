"""Lets pycrowdsec read decisions: a line of addresses in, a line of what it would do with each out."""

import json
import sys

from pycrowdsec.client import QueryClient, StreamClient

url, key = sys.argv[1:3]
stream = StreamClient(api_key=key, lapi_url=url, interval=3600, scopes=("ip", "range", "client"))
stream.run()
query = QueryClient(api_key=key, lapi_url=url)
for line in sys.stdin:
    stream.cycle("false")
    answer = {}
    for item in line.split():
        asked = query.get_decisions_for(item) if item[0].isdigit() else None
        answer[item] = [stream.get_action_for(item), [decision["type"] for decision in asked or []]]
    print(json.dumps(answer), flush=True)
