package example.reports;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class LlmConfigTest {
    private static final String MODEL = "gemma3:4b";

    @Test
    void keepsWhatItIsGiven() {
        assertEquals(MODEL, new LlmConfig(MODEL, 4096).model());
    }
}
