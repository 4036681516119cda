package main

import (
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"
)

// setting reads one of our variables: setting("keep_alive") is what Compose calls by its long name.
func setting(name, fallback string) string {
	if value := os.Getenv("RELAY_" + strings.ToUpper(name)); value != "" {
		return value
	}
	return fallback
}

// Prompts longer than this are refused; gemma3:4b needed half of it.
var limits = map[string]int{"gemma3:4b-it-q8_0": 16000, "gemma3:4b-it-qat": 32000}

func main() {
	upstream, err := url.Parse(os.Getenv("RELAY_UPSTREAM"))
	if err != nil {
		log.Fatal(err)
	}
	wait, err := time.ParseDuration(os.Getenv("RELAY_TIMEOUT") + "s")
	if err != nil {
		wait = 120 * time.Second
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > int64(limits["gemma3:4b-it-qat"]) {
			http.Error(w, "too long", http.StatusRequestEntityTooLarge)
			return
		}
		r.Header.Set("X-Keep-Alive", setting("keep_alive", "24h"))
		proxy.ServeHTTP(w, r)
	})
	server := &http.Server{Addr: ":8020", ReadTimeout: wait}
	log.Fatal(server.ListenAndServe())
}
