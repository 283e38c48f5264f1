import assert from "node:assert/strict";
import { test } from "node:test";
import { briefly, emojiOf, firstLetters, isBackground, sharedBeginning } from "../lib/labels.js";

test("an emoji is one grapheme cluster in its colourful form", () => {
  assert.equal(emojiOf("🐱"), "🐱");
  assert.equal(emojiOf("☀"), "☀\uFE0F");
  assert.equal(emojiOf("❤"), "❤\uFE0F");
  assert.equal(emojiOf("❤\uFE0F"), "❤\uFE0F");
  assert.equal(emojiOf("👩‍🌾🌽"), "👩‍🌾");
  assert.equal(emojiOf("🇳🇱"), "🇳🇱");
  assert.equal(emojiOf(""), "");
  assert.equal(emojiOf(undefined), "");
});

test("background and empty labels stand for nothing", () => {
  assert.ok(isBackground("background"));
  assert.ok(isBackground("Background"));
  assert.ok(isBackground(" "));
  assert.ok(!isBackground("background noise"));
});

test("first letters are whole characters, and a name one letter longer is kept whole", () => {
  assert.equal(firstLetters("tench", 3), "ten");
  assert.equal(firstLetters("dogs", 3), "dogs");
  assert.equal(firstLetters("ab cd ef", 3), "ab");
  assert.equal(firstLetters("ñandú", 1), "ñ");
});

test("what all names begin with ends with a word, and leaves something of each", () => {
  assert.equal(sharedBeginning(["class 0", "class 1", "class 10"]), "class ");
  assert.equal(sharedBeginning(["cat", "car"]), "");
  assert.equal(sharedBeginning(["a red car", "a red cat", "a rat"]), "a ");
  assert.equal(sharedBeginning(["class ", "class 1"]), "");
  assert.equal(sharedBeginning(["class 1"]), "");
});

test("an article is no part of a brief name, unless it is all of it", () => {
  assert.deepEqual(["the flag", "a", "An owl", "theatre"].map(briefly), ["flag", "a", "owl", "theatre"]);
});
