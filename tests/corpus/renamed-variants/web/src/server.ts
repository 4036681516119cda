import { createServer } from "node:http";
import { models, ollamaUrl } from "./config.js";

async function ask(prompt: string): Promise<string> {
  const model = prompt.length > 20_000 ? models.long : models.chat;
  const answer = await fetch(`${ollamaUrl}/api/generate`, {
    method: "POST",
    body: JSON.stringify({ model, prompt, stream: false }),
  });
  if (answer.status === 404) throw new Error(`no model ${model}: is it still called gemma3-4b-8k there?`);
  return ((await answer.json()) as { response: string }).response;
}

createServer(async (request, response) => {
  if (request.url === "/up") return void response.end("ok");
  response.end(await ask(decodeURIComponent(request.url ?? "")));
}).listen(3000);
