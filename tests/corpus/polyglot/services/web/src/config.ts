const DEFAULT_MODEL = "gemma3:4b-it-qat";

export const config = {
  url: process.env.OLLAMA_URL ?? "http://localhost:11434",
  model: process.env.LLM_MODEL ?? DEFAULT_MODEL, /* ?? "gemma3:4b" */
  numCtx: Number(process.env.LLM_NUM_CTX ?? 4096),
};

/** What the selector shows; `gemma3:4b` is no longer among them. */
export const choices = [DEFAULT_MODEL, "gemma3:4b-it-qat-q4_0"];
export const hint = `This page used gemma3:4b before; it now uses ${config.model}.`;
