package main

import (
	"fmt"
	"os"
)

func main() {
	model := "gemma3:4b"
	if len(os.Args) > 1 {
		model = os.Args[1]
	}
	fmt.Printf("POST /api/generate {%q: %q}\n", "model", model)
}
