// nomic-embed-text:v1.5 had 768 dimensions, bge-m3 has 1024: re-index after a change.
export const config = {
  url: process.env.OLLAMA_URL ?? "http://localhost:11435",
  model: process.env.EMBED_MODEL ?? "bge-m3:567m",
  batch: Number(process.env.BATCH ?? 32),
};
