// The openai package for Node as a user of the gateway. It runs every check and prints one JSON object: the name of each
// and what went wrong, null where nothing did. Base URL and key come from the variables that the package reads by itself.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import OpenAI from "openai";

const given = JSON.parse(process.env.HEDGEROW_SHOWN);
const client = new OpenAI();
const hasty = new OpenAI({ maxRetries: 0 });
const CLOSED_WITHIN_S = 0.25;
const HELLO = [{ role: "user", content: "Hello" }];
const CALL = [{ role: "user", content: "Please call weather and tides." }];
const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const TOOLS = ["weather", "tides"].map((name) => ({ type: "function", function: { name, parameters: SCHEMA } }));
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

const create = (more = {}, options = {}) =>
  client.chat.completions.create({ model: "fast", messages: HELLO, ...more }, options);
const newTrace = () => `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`;

async function booked(trace) {
  const page = await (await fetch(`${given.simulator}/_sim/book`)).json();
  return page.calls.filter((call) => call.headers.traceparent === trace);
}

async function eventually(condition, what) {
  const until = Date.now() + 15_000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    assert.ok(Date.now() < until, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

async function chat() {
  const answer = await create();
  assert.match(answer.choices[0].message.content, /^You asked: “Hello”/);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.equal(answer._request_id, answer.hedgerow.request_id);
}

async function stream() {
  const whole = await create();
  let text = "";
  let usage;
  for await (const chunk of await create({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
}

async function stream_helper() {
  const runner = client.chat.completions.stream({ model: "fast", messages: HELLO });
  let text = "";
  runner.on("content", (delta) => (text += delta));
  assert.equal(await runner.finalContent(), text);
  assert.equal((await runner.finalChatCompletion()).choices[0].finish_reason, "stop");
}

async function parallel_tools() {
  for (const model of ["fast", "thinker", "gemini"]) {
    const { message, finish_reason } = (await create({ model, messages: CALL, tools: TOOLS })).choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.deepEqual(
      message.tool_calls.map((call) => call.function.name),
      ["weather", "tides"],
    );
    const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "Sunny" }));
    const after = await create({ model, messages: [...CALL, message, ...results], tools: TOOLS });
    assert.match(after.choices[0].message.content, /Sunny/);
  }
}

// The package's own loop, streamed and not.
async function tool_runner() {
  for (const stream of [false, true]) {
    const asked = [];
    const tools = ["weather", "tides"].map((name) => ({
      type: "function",
      function: {
        name,
        parameters: SCHEMA,
        parse: JSON.parse,
        function: ({ city }) => {
          asked.push([name, typeof city]);
          return "Sunny";
        },
      },
    }));
    const runner = client.chat.completions.runTools({ model: "fast", messages: CALL, tools, stream });
    assert.match(await runner.finalContent(), /Sunny/);
    assert.deepEqual(asked, [
      ["weather", "string"],
      ["tides", "string"],
    ]);
  }
}

async function json_schema() {
  const response_format = { type: "json_schema", json_schema: { name: "place", schema: SCHEMA } };
  const answer = await client.chat.completions.parse({ model: "fast", messages: HELLO, response_format });
  assert.equal(typeof JSON.parse(answer.choices[0].message.content).city, "string");
}

// The package asks for base64 unless it is told otherwise.
async function embeddings() {
  const asked = { model: "embed-small", input: ["a", "b"], dimensions: 64 };
  const [rows, plain] = await Promise.all([
    client.embeddings.create(asked),
    client.embeddings.create({ ...asked, encoding_format: "float" }),
  ]);
  assert.deepEqual(
    rows.data.map((row) => row.embedding.length),
    [64, 64],
  );
  rows.data[1].embedding.forEach((value, at) => assert.ok(Math.abs(value - plain.data[1].embedding[at]) < 1e-6));
}

async function images() {
  const image = { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } };
  const messages = [{ role: "user", content: [{ type: "text", text: "What is it?" }, image] }];
  assert.ok((await create({ messages })).choices[0].message.content);
}

// With the message goes what its provider wants back.
async function reasoning() {
  const asked = { model: "thinker", messages: CALL, tools: TOOLS, reasoning_effort: "low" };
  const whole = (await create(asked)).choices[0].message;
  const streamed = await client.chat.completions.stream(asked).finalMessage();
  assert.ok(whole.reasoning_content);
  const results = whole.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "Sunny" }));
  const after = await create({ ...asked, messages: [...CALL, whole, ...results] });
  assert.match(after.choices[0].message.content, /Sunny/);
  assert.equal(after.hedgerow.warnings, undefined);
  assert.equal(streamed.tool_calls.length, 2);
}

async function responses() {
  const answer = await client.responses.create({ model: "responses", input: "Hello", reasoning: { effort: "low" } });
  assert.ok(answer.output_text);
  let text = "";
  for await (const event of await client.responses.create({ model: "responses", input: "Hello", stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
  }
  assert.equal(text, answer.output_text);
}

async function models() {
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.includes("fast") && names.includes("embed-small"));
  assert.equal((await client.models.retrieve("fast")).id, "fast");
}

async function errors() {
  const kinds = [
    ["nobody", OpenAI.NotFoundError, "model_not_found"],
    ["fault-context", OpenAI.BadRequestError, "context_length_exceeded"],
    ["fault-filter", OpenAI.BadRequestError, "content_policy_violation"],
    ["fault-throttled", OpenAI.InternalServerError, "provider_throttled"],
    ["fault-500", OpenAI.InternalServerError, "provider_unavailable"],
  ];
  for (const stream of [false, true]) {
    for (const [model, kind, code] of kinds) {
      const error = await failure(hasty.chat.completions.create({ model, messages: HELLO, stream }));
      assert.equal(error.constructor, kind, model);
      assert.equal(error.code, code);
      assert.equal(error.requestID, error.error.hedgerow.request_id);
    }
  }
  const wrong = await failure(create({ temperature: 9 }));
  assert.deepEqual([wrong.constructor, wrong.param], [OpenAI.BadRequestError, "temperature"]);
  const called = (apiKey, model) =>
    failure(new OpenAI({ apiKey }).chat.completions.create({ model, messages: HELLO }));
  assert.equal((await called("sk-wrong", "fast")).constructor, OpenAI.AuthenticationError);
  assert.equal((await called(given.narrow, "two")).constructor, OpenAI.PermissionDeniedError);
}

// Whatever breaks on the way is thrown, after what came.
async function cut_stream() {
  for (const model of ["fault-cut", "fault-nofinish", "fault-error-in-stream"]) {
    let text = "";
    const error = await failure(
      (async () => {
        for await (const chunk of await create({ model, stream: true })) {
          assert.equal(chunk.choices[0].finish_reason, null);
          text += chunk.choices[0].delta.content ?? "";
        }
      })(),
    );
    assert.ok(text);
    assert.ok(error instanceof OpenAI.APIError, String(error));
    assert.equal(error.code, "stream_cut");
    const folded = await failure(client.chat.completions.stream({ model, messages: HELLO }).finalContent());
    assert.ok(folded instanceof OpenAI.OpenAIError, String(folded));
  }
}

async function cancelled_stream() {
  for (const leave of [(chunks) => chunks.controller.abort(), null]) {
    const trace = newTrace();
    const chunks = await create({ model: "slow", stream: true }, { headers: { traceparent: trace } });
    let count = 0;
    for await (const _ of chunks) {
      count += 1;
      if (count < 3) continue;
      leave?.(chunks);
      break;
    }
    const left = Date.now() / 1000;
    const [call] = await eventually(async () => {
      const calls = await booked(trace);
      return calls.length && calls.every((one) => one.outcome !== "open") ? calls : null;
    }, "the upstream ended");
    assert.equal(call.outcome, "cancelled");
    assert.ok(call.ended_unix - left < CLOSED_WITHIN_S, `${call.ended_unix - left} s`);
  }
}

async function route_and_labels() {
  const hedgerow = { route: { providers: ["anthropic"] }, labels: { feature: "sdk-node" } };
  assert.equal((await create({ model: "two", hedgerow })).hedgerow.provider, "anthropic");
  const routed = new OpenAI({ defaultHeaders: { "x-hedgerow-providers": "anthropic" } });
  const { data, response } = await routed.chat.completions
    .create({ model: "two", messages: HELLO })
    .withResponse();
  assert.equal(data.hedgerow.provider, "anthropic");
  assert.ok(Number(response.headers.get("x-ratelimit-remaining-requests")) > 0);
}

async function retry_after() {
  const trace = newTrace();
  await create({ model: `throttled/sim-fb-s01-${trace.slice(3, 19)}` }, { headers: { traceparent: trace } });
  const [first, second] = await booked(trace);
  assert.ok(second.started_unix - first.started_unix > 1.9);
}

const checks = [
  chat,
  stream,
  stream_helper,
  parallel_tools,
  tool_runner,
  json_schema,
  embeddings,
  images,
  reasoning,
  responses,
  models,
  errors,
  cut_stream,
  cancelled_stream,
  route_and_labels,
  retry_after,
];
const outcomes = await Promise.allSettled(checks.map((check) => check()));
const told = outcomes.map((one, at) => [checks[at].name, one.status === "fulfilled" ? null : String(one.reason.stack)]);
console.log(JSON.stringify(Object.fromEntries(told)));
process.exit(0);
