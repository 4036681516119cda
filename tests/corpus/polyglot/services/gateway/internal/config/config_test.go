package config

import "testing"

func TestTheEnvironmentWins(t *testing.T) {
	t.Setenv("LLM_MODEL", "gemma3:4b")
	if Load().Model != "gemma3:4b" {
		t.Fatal(`want "gemma3:4b"`)
	}
}
