package llm

import (
	"encoding/json"
	"net/http"
)

// style is how a request asks for its answer's form and bounds its length. Servers differ in what they understand.
type style int

// The styles, from the one that binds the model most to the one that every server understands.
const (
	structured    style = iota // a schema that the answer has to follow
	structuredNew              // the same, with the name that newer OpenAI models have for the bound on tokens
	plain                      // the form is only asked for in the prompt
	plainNew
	styles
)

// protocol is how a server is asked.
type protocol interface {
	path() string
	headers(h http.Header, key string)
	body(q question, s style) any
	// answer returns the text, or JSON, that the model answered with; "" if there is none.
	answer(body []byte) string
}

// openAI is chat completions as OpenAI documents them (https://platform.openai.com/docs/api-reference/chat), and as Ollama, LM
// Studio and vLLM understand them.
type openAI struct{}

func (openAI) path() string { return "/v1/chat/completions" }

func (openAI) headers(h http.Header, key string) {
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
}

func (openAI) body(q question, s style) any {
	body := map[string]any{"model": q.model, "messages": []map[string]any{
		{"role": "system", "content": q.system}, {"role": "user", "content": q.user},
	}}
	if s == structuredNew || s == plainNew {
		body["max_completion_tokens"] = q.maxAnswer
	} else {
		body["max_tokens"] = q.maxAnswer
	}
	if s == structured || s == structuredNew {
		body["response_format"] = map[string]any{"type": "json_schema", "json_schema": map[string]any{"name": "filing", "strict": true, "schema": q.schema}}
	}
	return body
}

func (openAI) answer(body []byte) string {
	var read struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
	}
	if json.Unmarshal(body, &read) != nil || len(read.Choices) == 0 {
		return ""
	}
	return read.Choices[0].Message.Content
}

// anthropic is the messages API as Anthropic documents it (https://docs.anthropic.com/en/api/messages). The answer's form is that
// of the input of a tool which the model has to use.
type anthropic struct{}

const anthropicVersion, fileTool = "2023-06-01", "file_document"

func (anthropic) path() string { return "/v1/messages" }

func (anthropic) headers(h http.Header, key string) {
	h.Set("Anthropic-Version", anthropicVersion)
	if key != "" {
		h.Set("X-Api-Key", key)
	}
}

func (anthropic) body(q question, s style) any {
	body := map[string]any{"model": q.model, "max_tokens": q.maxAnswer, "system": q.system, "messages": []map[string]any{
		{"role": "user", "content": q.user},
	}}
	if s == structured || s == structuredNew {
		body["tools"] = []map[string]any{{"name": fileTool, "description": "Files the document under topics.", "input_schema": q.schema}}
		body["tool_choice"] = map[string]any{"type": "tool", "name": fileTool}
	}
	return body
}

func (anthropic) answer(body []byte) string {
	var read struct {
		Content []struct {
			Type  string          `json:"type"`
			Text  string          `json:"text"`
			Input json.RawMessage `json:"input"`
		} `json:"content"`
	}
	if json.Unmarshal(body, &read) != nil {
		return ""
	}
	text := ""
	for _, part := range read.Content {
		switch part.Type {
		case "tool_use":
			return string(part.Input)
		case "text":
			text += part.Text
		}
	}
	return text
}
