const model = "gemma3:4b";
export { model };
