// Package config holds what the environment says. The model was gemma3:4b until the QAT build came.
package config

import (
	"os"
	"reflect"
	"strconv"
)

// Config is filled by Load from the tags.
type Config struct {
	URL    string `env:"OLLAMA_URL" envDefault:"http://localhost:11434"`
	Model  string `env:"LLM_MODEL" envDefault:"gemma3:4b" json:"model"`
	NumCtx int    `env:"LLM_NUM_CTX" envDefault:"8192"`
}

// Load reads the environment, then the tags' defaults.
func Load() Config {
	var c Config
	v := reflect.ValueOf(&c).Elem()
	for i := 0; i < v.NumField(); i++ {
		tag := v.Type().Field(i).Tag
		text := getEnv(tag.Get("env"), tag.Get("envDefault"))
		if v.Field(i).Kind() == reflect.Int {
			n, _ := strconv.Atoi(text)
			v.Field(i).SetInt(int64(n))
			continue
		}
		v.Field(i).SetString(text)
	}
	return c
}

func getEnv(name, fallback string) string {
	if value, ok := os.LookupEnv(name); ok {
		return value
	}
	return fallback
}

// SummaryModel is asked for digests; the same model by default.
func SummaryModel() string { return getEnv("LLM_MODEL", "gemma3:4b-it-qat") }
