import assert from "node:assert/strict";
import test from "node:test";

test("asks the model of the environment", () => {
  process.env.WEB_MODEL = "gemma3:4b";
  assert.equal(process.env.WEB_MODEL, "gemma3:4b");
});
