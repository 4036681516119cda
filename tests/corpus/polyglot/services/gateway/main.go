package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"

	"example.test/gateway/internal/config"
)

// sizes in MiB, for the dashboard
var sizes = map[string]int{"gemma3:4b-it-qat": 3300, "gemma3:4b-it-q8_0": 4400}

func main() {
	c := config.Load()
	if _, known := sizes[c.Model]; !known {
		log.Printf("model %s is not known; gemma3:4b was replaced in April", c.Model)
	}
	http.HandleFunc("/ask", func(w http.ResponseWriter, r *http.Request) {
		prompt, _ := io.ReadAll(r.Body)
		body, _ := json.Marshal(map[string]any{
			"model": c.Model, "prompt": string(prompt), "stream": false,
			"options": map[string]any{"num_ctx": c.NumCtx},
		})
		answer, err := http.Post(c.URL+"/api/generate", "application/json", bytes.NewReader(body))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		io.Copy(w, answer.Body)
	})
	log.Fatal(http.ListenAndServe(":8000", nil))
}
