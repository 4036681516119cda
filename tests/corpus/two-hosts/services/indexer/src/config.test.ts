import test from "node:test";
import assert from "node:assert";

test("an old model can be forced", async () => {
  process.env.EMBED_MODEL = "nomic-embed-text:v1.5";
  const { config } = await import("./config.ts");
  assert.equal(config.model, "nomic-embed-text:v1.5");
});
