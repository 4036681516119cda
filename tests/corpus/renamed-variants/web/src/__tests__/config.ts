process.env.CHAT_MODEL = "gemma3-4b-8k";
const { models } = await import("../config.js");
if (models.chat !== "gemma3-4b-8k") throw new Error("the environment must win");
