/** Which variant answers what. Names changed with the move: gemma3-4b-8k is notes-8k. */
export interface Models {
  chat: string;
  long: string;
  tags: string;
}

export const models: Models = {
  chat: process.env.CHAT_MODEL ?? "gemma3-4b-8k",
  long: process.env.LONG_MODEL || "notes-32k",
  tags: process.env["TAG_MODEL"] ?? "notes-tags",
};

export const ollamaUrl = process.env.OLLAMA_URL ?? "http://ollama:11434";

// Kept for links in old mails: ?model=gemma3-4b-8k
export const aliases = new Map<string, string>([["gemma3-4b-8k-beta", models.chat]]);
