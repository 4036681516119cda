const { createServer } = require("node:http");
const { parseArgs } = require("node:util");

const { values } = parseArgs({
  options: { model: { type: "string", default: process.env.LLM_MODEL }, port: { type: "string", default: "3000" } },
});

async function clip(text) {
  const body = { model: values.model, prompt: text, stream: false, options: { num_ctx: 8192 } };
  const reply = await fetch(`${process.env.LLM_URL}/api/generate`, { method: "POST", body: JSON.stringify(body) });
  return (await reply.json()).response;
}

createServer(async (request, response) => {
  response.end(request.url === "/" ? "ok" : await clip(decodeURIComponent(request.url)));
}).listen(Number(values.port));
