// The official client as a user would write it: each event as a line of JSON.
import { createRequire } from "node:module";
const require = createRequire(new URL("../tests/interop/", import.meta.url));
const { io } = require("socket.io-client");
const [url] = process.argv.slice(2);
const socket = io(url, { transports: ["websocket"], reconnection: false });
socket.on("tick", (data) => process.stdout.write(JSON.stringify({ type: "tick", data }) + "\n"));
socket.on("disconnect", () => process.exit(0));
