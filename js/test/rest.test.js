import assert from "node:assert/strict";
import { test } from "node:test";
import { Rest } from "../lib/rest.js";

/** A kernel that answers when it is told to. */
function kernel() {
  const waiting = [];
  const ask = (name) => new Promise((resolve, reject) => waiting.push({ name, resolve, reject }));
  return { ask, waiting };
}
const settled = () => new Promise((done) => setTimeout(done));

test("one piece is asked for at a time, until none is missing", async () => {
  const { ask, waiting } = kernel();
  const rest = new Rest(ask, assert.fail);
  for (const missing of [3, 3, 2]) rest.want(missing); // drawn again meanwhile
  assert.deepEqual(waiting.map(({ name }) => name), ["_more"]);
  for (const left of [1, 0]) {
    rest.want(left); // what came with the answer is drawn
    waiting.at(-1).resolve([{ left }, []]);
    await settled();
  }
  assert.equal(waiting.length, 2);
});

test("what another view, or a cell, has had computed meanwhile is not asked for", async () => {
  const { ask, waiting } = kernel();
  const rest = new Rest(ask, assert.fail);
  rest.want(5);
  rest.want(0);
  waiting[0].resolve([{ left: 0 }, []]);
  await settled();
  assert.equal(waiting.length, 1);
});

test("an error is said once, and asked again only on request or when more has come", async () => {
  const { ask, waiting } = kernel();
  const told = [];
  const rest = new Rest(ask, (sentence, again) => told.push({ sentence, again }));
  rest.want(4);
  waiting[0].resolve([{ error: "interrupted" }, []]);
  await settled();
  rest.want(4);
  assert.deepEqual([waiting.length, told.length], [1, 1]);
  told[0].again();
  assert.equal(waiting.length, 2);
  waiting[1].reject(new Error("gone"));
  await settled();
  rest.want(4);
  assert.equal(waiting.length, 2);
  rest.want(3);
  assert.equal(waiting.length, 3);
});

test("another image is asked for, however the last one failed", async () => {
  const { ask, waiting } = kernel();
  const rest = new Rest(ask, () => undefined);
  rest.want(4, 0);
  waiting[0].resolve([{ error: "changed" }, []]);
  await settled();
  rest.want(4, 0);
  assert.equal(waiting.length, 1);
  rest.want(4, 1);
  assert.equal(waiting.length, 2);
});

test("a page without a kernel asks nobody", () => {
  new Rest(null, assert.fail).want(3);
});
