package example.reports;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.stereotype.Component;

/** Was bound to {@code gemma3:4b} in 1.x. */
@Component
public class LlmConfig {
    private final String model;
    private final int numCtx;

    public LlmConfig(
            @Value("${LLM_MODEL:gemma3:4b-it-qat}") String model,
            @Value("${LLM_NUM_CTX:2048}") int numCtx) {
        this.model = model;
        this.numCtx = numCtx;
    }

    public String model() {
        return model.isBlank() ? System.getenv().getOrDefault("LLM_MODEL", "gemma3:4b-it-qat") : model;
    }

    public int numCtx() {
        return numCtx; // 4096 with gemma3:4b
    }
}
