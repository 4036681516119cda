import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const MODELS = { models: [{ name: "gemma3:4b" }, { name: process.env.LLM_MODEL ?? "gemma3:4b" }] };
const REPLY = readFileSync(new URL("canned/generate.json", import.meta.url));

createServer((request, answer) => {
  answer.setHeader("content-type", "application/json");
  answer.end(request.url === "/api/tags" ? JSON.stringify(MODELS) : REPLY);
}).listen(8089);
