// Package llm files texts under topics by asking a language model, over either of the two protocols that most servers speak:
// OpenAI's chat completions (OpenAI, Ollama, LM Studio, vLLM and others) and Anthropic's messages.
//
// The model chooses among the topics it is given and can do nothing else: its answer is read as a list of names, and names that
// are none of the topics are dropped. A document that tells the model what to do can therefore at worst get itself filed under
// the wrong topics of its owner.
package llm
