import assert from "node:assert/strict";
import { test } from "node:test";
import { Recent } from "../lib/recent.js";
import { Latest } from "../lib/requests.js";

/** A kernel that answers when it is told to. */
function kernel() {
  const waiting = [];
  const ask = (name, message) => new Promise((resolve, reject) => waiting.push({ name, message, resolve, reject }));
  return { ask, waiting };
}
const settled = () => new Promise((done) => setTimeout(done));

test("while one question is on its way only the latest request is kept", async () => {
  const { ask, waiting } = kernel();
  const answers = [];
  const latest = new Latest(ask, "_map", ({ message }) => answers.push(message), assert.fail);
  for (const request of [1, 2, 3, 4]) latest.want(request);
  assert.deepEqual(waiting.map(({ message }) => message), [1]);
  waiting[0].resolve([{}, []]);
  await settled();
  assert.deepEqual(waiting.map(({ message }) => message), [1, 4]);
  waiting[1].resolve([{}, []]);
  await settled();
  assert.deepEqual(answers, [1, 4]);
  assert.equal(latest.isWaiting, false);
});

test("what an answer makes the view ask for takes the place of an older request", async () => {
  const { ask, waiting } = kernel();
  const latest = new Latest(ask, "_exact", ({ message }) => message.row === 0 && latest.want({ row: 9 }), assert.fail);
  latest.want({ row: 0, column: 3 });
  latest.want({ row: 9, column: 3 }); // the column comes with the first answer
  for (const _ of [1, 2, 3]) {
    waiting.at(-1).resolve([{}, []]);
    await settled();
  }
  assert.deepEqual(waiting.map(({ message }) => message), [{ row: 0, column: 3 }, { row: 9 }]);
});

test("asking again for what is on its way asks nothing more", async () => {
  const { ask, waiting } = kernel();
  const latest = new Latest(ask, "_map", () => {}, assert.fail);
  latest.want({ layer: 1 });
  latest.want({ layer: 2 });
  latest.want({ layer: 1 });
  waiting[0].resolve([{}, []]);
  await settled();
  assert.equal(waiting.length, 1);
});

test("an error is told as a sentence, once, and asked again only on request", async () => {
  const { ask, waiting } = kernel();
  const told = [];
  const latest = new Latest(ask, "_map", () => {}, (sentence, again) => told.push({ sentence, again }));
  latest.want(1);
  waiting[0].resolve([{ error: "no such layer" }, []]);
  await settled();
  latest.want(1);
  assert.equal(waiting.length, 1);
  assert.deepEqual(told.map(({ sentence }) => sentence), ["no such layer"]);
  told[0].again();
  assert.equal(waiting.length, 2);
  waiting[1].reject(new DOMException("", "TimeoutError"));
  await settled();
  assert.match(told[1].sentence, /has not answered for a minute/);
});

test("nothing is told of a view that has gone", async () => {
  const { ask, waiting } = kernel();
  const latest = new Latest(ask, "_map", () => {}, assert.fail);
  latest.want(1);
  waiting[0].reject(new DOMException("", "AbortError"));
  await settled();
});

test("what was used last is kept", () => {
  const recent = new Recent(2);
  recent.set("a", 1);
  recent.set("b", 2);
  assert.equal(recent.get("a"), 1);
  recent.set("c", 3);
  assert.deepEqual([recent.get("a"), recent.get("b"), recent.get("c")], [1, undefined, 3]);
});
