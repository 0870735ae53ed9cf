package keywords_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docuvault/docuvault/adapters/memory"
	"github.com/docuvault/docuvault/app"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"

	"example.org/docuvault-examples/keywords"
)

// plainText stands in for the extractor and for the detector of types: this vault keeps text files only.
type plainText struct{}

func (plainText) Extract(_ context.Context, source ports.Source) (ports.Extraction, error) {
	text, err := io.ReadAll(source.Content)
	return ports.Extraction{Text: string(text)}, err
}

func (plainText) DetectType([]byte, domain.FileName) string { return "text/plain" }

// A vault of the use cases, adapters in memory, and a classifier of one's own.
func Example() {
	ctx := context.Background()
	storage, repo, queue := memory.NewStorage(time.Now), memory.NewRepository(), &memory.Queue{}
	vault := app.NewVault(app.VaultConfig{}, app.VaultDeps{Storage: storage, Repo: repo, Queue: queue, Types: plainText{}})
	processor := app.NewProcessor(domain.Recovery{}, app.ProcessorDeps{Storage: storage, Repo: repo, Extractor: plainText{}, Classifier: keywords.Classifier{}})

	for name, description := range map[string]string{"Taxes": "tax revenue office assessment", "Car": "garage tyres engine"} {
		if _, err := vault.AddTopic(ctx, domain.Nobody, name, description, ""); err != nil {
			fmt.Println(err)
		}
	}
	doc, _, err := vault.Upload(ctx, domain.Nobody, app.NewUpload{Name: "letter.txt", Content: strings.NewReader("Your tax assessment for 2025"), Size: -1})
	if err != nil {
		fmt.Println(err)
	}
	for queue.Work(ctx, time.Now(), processor.Process) {
	}
	doc, err = vault.Document(ctx, domain.Nobody, doc.ID)
	fmt.Println(doc.Status, doc.Topics[0].Name, *doc.Topics[0].Confidence, err)
	// Output: ready Taxes 0.5 <nil>
}
