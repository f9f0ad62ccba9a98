// Signs and verifies with the vendors' own libraries: one JSON request a line on stdin, one JSON answer a line on stdout.
// Where a library only verifies, Node's own crypto signs.
import { createHmac, createPrivateKey, createPublicKey, sign as cryptoSign } from "node:crypto";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { sign as githubSign, verify as githubVerify } from "@octokit/webhooks-methods";
import sendgrid from "@sendgrid/eventwebhook";
import "@shopify/shopify-api/adapters/node";
import { ApiVersion, shopifyApi } from "@shopify/shopify-api";
import { verifyKey } from "discord-interactions";
import { OAuth2Client } from "google-auth-library";
import jwt from "jsonwebtoken";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";
import twilio from "twilio";

const require = createRequire(import.meta.url);
const { verifySlackRequest } = require("@slack/bolt/dist/receivers/verify-request.js");
const https = require("node:https");
const SnsValidator = require("sns-validator");

const stripe = new Stripe("sk_test_unused");

const listed = (prefix, library) => ({
  sign({ secret, id, timestamp, body }) {
    const signature = new library(secret).sign(id, new Date(timestamp * 1000), body);
    return {
      [`${prefix}-id`]: id,
      [`${prefix}-timestamp`]: String(timestamp),
      [`${prefix}-signature`]: signature,
    };
  },
  verify({ secret, headers, body }) {
    new library(secret).verify(body, headers);
    return true;
  },
});

const shopify = (secret) =>
  shopifyApi({
    apiKey: "key",
    apiSecretKey: secret,
    apiVersion: ApiVersion.January26 ?? Object.values(ApiVersion)[0],
    hostName: "hooks.example.test",
    isEmbeddedApp: false,
    logger: { log: () => {} },
  });

const form = (body) => Object.fromEntries(new URLSearchParams(body));

const bearer = (headers) => headers.authorization.replace(/^Bearer /, "");

const schemes = {
  "standard-webhooks": listed("webhook", Standard),
  svix: listed("svix", Svix),
  stripe: {
    sign({ secret, timestamp, body }) {
      const header = stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp });
      return { "stripe-signature": header };
    },
    verify({ secret, headers, body }) {
      stripe.webhooks.constructEvent(body, headers["stripe-signature"], secret);
      return true;
    },
  },
  github: {
    async sign({ secret, body }) {
      return { "x-hub-signature-256": await githubSign(secret, body) };
    },
    verify({ secret, headers, body }) {
      return githubVerify(secret, body, headers["x-hub-signature-256"]);
    },
  },
  twilio: {
    sign({ secret, url, body }) {
      const signature = twilio.getExpectedTwilioSignature(secret, url, form(body));
      return { "x-twilio-signature": signature };
    },
    verify({ secret, url, headers, body }) {
      const signature = headers["x-twilio-signature"];
      if (headers["content-type"].startsWith("application/json")) {
        return twilio.validateRequestWithBody(secret, signature, url, body);
      }
      return twilio.validateRequest(secret, signature, url, form(body));
    },
  },
  sendgrid: {
    sign({ secret, timestamp, body }) {
      const key = createPrivateKey({ key: Buffer.from(secret, "base64"), format: "der", type: "pkcs8" });
      const signature = cryptoSign("sha256", Buffer.from(timestamp + body), key).toString("base64");
      return {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": String(timestamp),
      };
    },
    verify({ verifies, headers, body }) {
      const webhook = new sendgrid.EventWebhook();
      return webhook.verifySignature(
        webhook.convertPublicKeyToECDSA(verifies),
        body,
        headers["x-twilio-email-event-webhook-signature"],
        headers["x-twilio-email-event-webhook-timestamp"],
      );
    },
  },
  slack: {
    sign({ secret, timestamp, body }) {
      const mac = createHmac("sha256", secret).update(`v0:${timestamp}:${body}`).digest("hex");
      return { "x-slack-request-timestamp": String(timestamp), "x-slack-signature": `v0=${mac}` };
    },
    verify({ secret, headers, body }) {
      const own = {
        "x-slack-signature": headers["x-slack-signature"],
        "x-slack-request-timestamp": Number(headers["x-slack-request-timestamp"]),
      };
      verifySlackRequest({ signingSecret: secret, body, headers: own });
      return true;
    },
  },
  shopify: {
    sign({ secret, body }) {
      return { "x-shopify-hmac-sha256": createHmac("sha256", secret).update(body).digest("base64") };
    },
    async verify({ secret, headers, body }) {
      const rawRequest = { method: "POST", url: "/hook", headers };
      const found = await shopify(secret).webhooks.validate({ rawBody: body, rawRequest });
      return found.valid || found;
    },
  },
  discord: {
    sign({ secret, timestamp, body }) {
      // PKCS#8 of an Ed25519 key is this and its seed.
      const der = Buffer.from(`302e020100300506032b657004220420${secret}`, "hex");
      const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
      const signature = cryptoSign(null, Buffer.from(timestamp + body), key).toString("hex");
      return { "x-signature-ed25519": signature, "x-signature-timestamp": String(timestamp) };
    },
    verify({ verifies, headers, body }) {
      return verifyKey(body, headers["x-signature-ed25519"], headers["x-signature-timestamp"], verifies);
    },
  },
  "jwt-hs256": {
    sign({ secret }) {
      return { authorization: `Bearer ${jwt.sign({ sub: "evt" }, secret, { expiresIn: 60 })}` };
    },
    verify({ secret, headers }) {
      return Boolean(jwt.verify(bearer(headers), secret, { algorithms: ["HS256"] }));
    },
  },
  "google-pubsub-jwt": {
    sign({ secret, kid, audience, email }) {
      const claims = { email, email_verified: true };
      const options = { algorithm: "RS256", keyid: kid, audience, issuer: "https://accounts.google.com", expiresIn: 3600 };
      return { authorization: `Bearer ${jwt.sign(claims, secret, options)}` };
    },
    async verify({ keys, audience, headers }) {
      const pem = (jwk) => createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
      const certificates = Object.fromEntries(keys.map((jwk) => [jwk.kid, pem(jwk)]));
      const issuers = ["https://accounts.google.com", "accounts.google.com"];
      const ticket = await new OAuth2Client().verifySignedJwtWithCertsAsync(
        bearer(headers), certificates, audience, issuers);
      return Boolean(ticket.getPayload());
    },
  },
  sns: {
    async verify({ certificate, body }) {
      // The library fetches the certificate itself; here it is what would come.
      https.get = (_url, callback) => {
        const answer = new PassThrough();
        answer.statusCode = 200;
        callback(answer);
        answer.end(certificate);
        return answer;
      };
      const validator = new SnsValidator();
      return new Promise((resolve, reject) =>
        validator.validate(JSON.parse(body), (error) => (error ? reject(error) : resolve(true))));
    },
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { scheme, action, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { ok: await schemes[scheme][action](rest) };
  } catch (error) {
    answer = { error: String(error.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
