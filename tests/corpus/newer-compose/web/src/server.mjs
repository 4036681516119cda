import { createServer } from "node:http";
import { readFileSync } from "node:fs";

const limits = JSON.parse(readFileSync(new URL("../shared/limits.json", import.meta.url)));
// gemma3:4b was cut off at 4096 here
const model = process.env.WEB_MODEL ?? "notes-8k";
const numCtx = Number(process.env.WEB_NUM_CTX ?? 8192);

async function ask(prompt) {
  const reply = await fetch(`${process.env.LLM_URL}/api/generate`, {
    method: "POST",
    body: JSON.stringify({ model, prompt: prompt.slice(0, limits.maxPrompt), stream: false, options: { num_ctx: numCtx } }),
  });
  return (await reply.json()).response;
}

createServer(async (request, response) => {
  if (request.url === "/healthz") return response.end("ok");
  response.end(await ask("Tidy up my notes."));
}).listen(3000);
