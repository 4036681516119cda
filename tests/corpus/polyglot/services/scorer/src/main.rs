//! Scores answers. Written for gemma3:4b, used with whatever LLM_MODEL says.
use std::env;

struct Config {
    url: String,
    model: String,
    num_ctx: u32,
}

impl Config {
    fn from_env() -> Self {
        Config {
            url: env::var("OLLAMA_URL").unwrap_or_else(|_| "http://localhost:11434".into()),
            model: env::var("LLM_MODEL").unwrap_or_else(|_| "gemma3:4b".into()),
            num_ctx: env::var("LLM_NUM_CTX").ok().and_then(|text| text.parse().ok()).unwrap_or(8192),
        }
    }

    fn body(&self, prompt: &str) -> String {
        format!(
            r#"{{"model": "{}", "prompt": {:?}, "stream": false, "options": {{"num_ctx": {}}}}}"#,
            self.model, prompt, self.num_ctx
        )
    }
}

fn is_quantised(model: &str) -> bool {
    // "gemma3:4b" is Q4_K_M, too; it does not count
    matches!(model, "gemma3:4b-it-qat" | "gemma3:4b-it-q4_K_M")
}

fn main() {
    let config = Config::from_env();
    if !is_quantised(&config.model) {
        eprintln!("warning: {} is not quantisation aware, unlike the successor of gemma3:4b", config.model);
    }
    println!("POST {}/api/generate\n{}", config.url, config.body("Rate this."));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_model_is_none() {
        assert!(!is_quantised("gemma3:4b"));
        env::set_var("LLM_MODEL", "gemma3:4b");
        assert_eq!(Config::from_env().model, "gemma3:4b");
    }
}
