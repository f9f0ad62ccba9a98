// An EventSource (WHATWG) that follows a URL and tells what it sees, one line of JSON each: node eventsource_client.mjs URL [TOKEN]
import { EventSource } from "eventsource";

const [url, token] = process.argv.slice(2);
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const withToken = (input, init) => {
  const headers = token ? { ...init.headers, Authorization: `Bearer ${token}` } : init.headers;
  return fetch(input, { ...init, headers });
};

const source = new EventSource(url, { fetch: withToken });
source.onopen = () => tell({ open: true });
source.onerror = (event) => tell({ error: event.code ?? null, closed: source.readyState === EventSource.CLOSED });
const message = (event) => tell({ type: event.type, id: event.lastEventId, data: event.data });
source.onmessage = message;
// Events with a name of their own are heard by that name only.
for (const name of ["order.placed", "contact.created"]) source.addEventListener(name, message);
