package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docuvault/docuvault/internal/testenv"
)

// filedDocument is a document with all that the API says of its topics.
type filedDocument struct {
	Status string `json:"status"`
	Topics []struct {
		Name        string   `json:"name"`
		Confirmed   bool     `json:"confirmed"`
		Confidence  *float64 `json:"confidence"`
		SuggestedBy *string  `json:"suggested_by"`
	} `json:"topics"`
}

// filed waits until a document is read.
func (v vault) filed(t *testing.T, id string) (doc filedDocument) {
	t.Helper()
	v.ready(t, id, time.Minute)
	if status, err := v.call(http.MethodGet, "/api/documents/"+id, "", nil, &doc); err != nil || status != http.StatusOK {
		t.Fatalf("read the document: %d, %v", status, err)
	}
	return doc
}

func (v vault) makeTopic(t *testing.T, name string) (id string) {
	t.Helper()
	var made struct{ ID string }
	body := strings.NewReader(fmt.Sprintf(`{"name":%q}`, name))
	if status, err := v.call(http.MethodPost, "/api/topics", "application/json", body, &made); err != nil || status != http.StatusCreated {
		t.Fatalf("add a topic: %d, %v", status, err)
	}
	return made.ID
}

// TestDecisionsAreLearntByOtherWorkers: what a person decided by requests, a worker that is started later learns, and files new
// documents by it whose words no topic's name has.
func TestDecisionsAreLearntByOtherWorkers(t *testing.T) {
	t.Parallel()
	s := services(t)
	api, worker := process(t, s.env, "api"), process(t, s.env, "worker")
	v := listening(t, api)
	topics := map[string]string{"Pastime": "boats with sails leave the harbour in week %d", "Kitchen": "bread of flour and yeast bakes in oven %d"}
	for name, text := range topics {
		id := v.makeTopic(t, name)
		for i := range 6 {
			doc := v.mustUpload(t, fmt.Sprintf("%s%d.txt", name, i), fmt.Sprintf(text, i))
			v.ready(t, doc.ID, time.Minute)
			if status, err := v.call(http.MethodPost, "/api/documents/"+doc.ID+"/topics/"+id+"/accept", "", nil, nil); err != nil || status != http.StatusOK {
				t.Fatalf("accept: %d, %v", status, err)
			}
		}
	}
	stop(t, worker)
	worker = process(t, s.env, "worker") // looks soon whether models are behind
	testenv.Eventually(t, 3*time.Minute, func() error {
		for name, text := range topics {
			got := v.filed(t, v.mustUpload(t, "new.txt", fmt.Sprintf(text, time.Now().UnixNano())).ID)
			if len(got.Topics) != 1 || got.Topics[0].Name != name {
				return fmt.Errorf("%s: %+v", name, got)
			}
			if f := got.Topics[0]; f.Confirmed || f.Confidence == nil || f.SuggestedBy == nil || *f.SuggestedBy != "local" {
				t.Errorf("filed as %+v", f)
			}
		}
		return nil
	})
	code, stdout, stderr := once(t, s.env, "sweep")
	if code != 0 || !strings.Contains(stdout, " 0 that no document names") {
		t.Errorf("sweep: %d %s%s", code, stdout, stderr)
	}
	stop(t, api)
	stop(t, worker)
}

// TestLanguageModelFilesDocuments, and where it has no answer the built-in classifier does and says so.
func TestLanguageModelFilesDocuments(t *testing.T) {
	t.Parallel()
	s := services(t)
	var broken atomic.Bool
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Model string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || asked.Model != "tiny" || r.Header.Get("Authorization") != "Bearer sk-hidden" {
			t.Errorf("asked for %q with %q: %v", asked.Model, r.Header.Get("Authorization"), err)
		}
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, `{"choices": [{"message": {"content": "{\"topics\": [{\"name\": \"Pastime\", \"confidence\": 0.8}]}"}}]}`)
	}))
	t.Cleanup(model.Close)
	env := append(s.env, "AI_PROVIDER=openai", "AI_BASE_URL="+model.URL, "AI_MODEL=tiny", "AI_API_KEY=sk-hidden")
	api, worker := process(t, env, "api"), process(t, env, "worker")
	v := listening(t, api)
	v.makeTopic(t, "Pastime")
	v.makeTopic(t, "Kitchen")
	by := func(text, topic, by string) {
		t.Helper()
		got := v.filed(t, v.mustUpload(t, "a.txt", text).ID)
		if len(got.Topics) != 1 || got.Topics[0].Name != topic || got.Topics[0].SuggestedBy == nil || *got.Topics[0].SuggestedBy != by {
			shown, _ := json.Marshal(got)
			t.Errorf("filed as %s, want %s by %s", shown, topic, by)
		}
	}
	by("boats with sails", "Pastime", "openai tiny")
	broken.Store(true)
	by("the kitchen has an oven", "Kitchen", "local (openai was asked first, but it answered with status 500)")

	var settings struct {
		Classifier string
		AI         struct{ Provider, Host string }
	}
	if _, err := v.call(http.MethodGet, "/api/settings", "", nil, &settings); err != nil || settings.Classifier != "openai" || "http://"+settings.AI.Host != model.URL {
		t.Errorf("settings: %+v, %v", settings, err)
	}
	if _, stdout, _ := once(t, env, "config"); strings.Contains(stdout, "sk-hidden") || !strings.Contains(stdout, "AI_API_KEY") {
		t.Error("the configuration shows the key, or does not name it")
	}
	stop(t, api)
	stop(t, worker)
	if out := errors.Join(errors.New(worker.Output()), errors.New(api.Output())).Error(); strings.Contains(out, "sk-hidden") {
		t.Error("the key is in the log")
	}
}
