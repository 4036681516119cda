// shown in the corner, and sent along as a wish
const wish = { model: "gemma3:4b", stream: false };
document.querySelector("title").textContent = `Answers of ${wish.model}`;
