#!/usr/bin/env bash
# The poller that people write first: move `$gte` to the last date of each page until nothing newer comes. It repeats the records
# of each boundary, and loses those of a tie that is larger than a page.
#
#   curl_jq.sh URL PAGE_SIZE [REQUESTS]      at most so many requests
set -euo pipefail
since=1970-01-01T00:00:00Z
for ((n = 0; n < ${3:-1000000000}; n++)); do
  page=$(curl -s "$1" -H 'content-type: application/json' -d '{"query":{"modifydate":{"$gte":"'"$since"'"}},"options":{"sort":{"modifydate":1},"pageSize":'"$2"'}}')
  jq -c '.data[]' <<<"$page"
  last=$(jq -r '.data[-1].modifydate' <<<"$page")
  [ "$last" != "$since" ] || break
  since=$last
done
