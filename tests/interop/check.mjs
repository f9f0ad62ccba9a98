// Signs and verifies with the vendors' own libraries: one JSON request a line on stdin, one JSON answer a line on stdout.
import { createInterface } from "node:readline";
import { sign as githubSign, verify as githubVerify } from "@octokit/webhooks-methods";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";

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
