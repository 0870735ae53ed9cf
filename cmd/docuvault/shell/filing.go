package shell

import (
	"fmt"
	"net/url"

	"github.com/docuvault/docuvault/adapters/classify"
	"github.com/docuvault/docuvault/adapters/llm"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/cmd/docuvault/config"
	"github.com/docuvault/docuvault/ports"
)

// filing is what files documents, and what learns to.
type filing struct {
	classifier ports.Classifier
	trainer    *app.Trainer
}

// openFiling composes the built-in classifier with its models and, if one is configured, the language model before it.
func (p *Parts) openFiling() (filing, error) {
	learner := classify.NewLearner(classify.Config{})
	models := app.NewModels(app.ModelsDeps{Storage: p.Storage, Learner: learner, Untrained: classify.New(classify.Config{}), Now: p.Now, Log: p.log})
	f := filing{classifier: models, trainer: app.NewTrainer(app.TrainerDeps{
		Storage: p.Storage, Repo: p.Repo, Learner: learner, Models: models, Queue: p.Trains, Now: p.Now, Log: p.log,
	})}
	ai := p.cfg.AI
	if ai.Provider == "" || ai.Provider == config.AIOff {
		return f, nil
	}
	model, err := llm.New(llm.Config{Provider: llm.Provider(ai.Provider), BaseURL: ai.BaseURL, Model: ai.Model, APIKey: ai.APIKey,
		Timeout: ai.Timeout, MaxText: int(ai.MaxText), Now: p.Now}, p.log)
	if err != nil {
		return f, fmt.Errorf("set up the language model: %w", err)
	}
	p.closers = append(p.closers, model.Close)
	p.log.Info("texts of documents are sent to a language model", "provider", ai.Provider, "host", model.Host(), "model", ai.Model)
	f.classifier = app.NewFallback(model, models, p.log)
	return f, nil
}

// AI says which protocol a language model is asked in and where, for people: "off" and "" while none is.
func AI(cfg *config.Config) (provider, host string) {
	ai := cfg.AI
	if ai.Provider == "" || ai.Provider == config.AIOff {
		return config.AIOff, ""
	}
	address := ai.BaseURL
	if address == "" {
		address = llm.DefaultBaseURL(llm.Provider(ai.Provider))
	}
	if u, err := url.Parse(address); err == nil {
		host = u.Host
	}
	return ai.Provider, host
}
