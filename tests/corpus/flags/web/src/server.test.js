const assert = require("node:assert");
const test = require("node:test");

test("flags", () => {
  process.argv.push("--model", "gemma3:4b");
  assert.ok(process.argv.includes("gemma3:4b"));
});
