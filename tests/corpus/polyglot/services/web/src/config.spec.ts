import { config } from "./config.ts";

it("is no longer the old one", () => {
  expect(config.model).not.toBe("gemma3:4b");
  expect(config.numCtx).toBe(4096);
});
