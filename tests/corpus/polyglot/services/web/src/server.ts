import { createServer } from "node:http";
import { config, hint } from "./config.ts";

createServer(async (_, answer) => {
  const reply = await fetch(`${config.url}/api/generate`, {
    method: "POST",
    body: JSON.stringify({
      model: config.model,
      prompt: "Greet the visitor.",
      stream: false,
      options: { num_ctx: config.numCtx },
    }),
  });
  answer.end(`${hint}\n${((await reply.json()) as { response: string }).response}`);
}).listen(Number(process.env.PORT ?? 3000));
