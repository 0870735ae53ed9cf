package extract_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/docuvault/docuvault/adapters/extract"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// A program that reads documents begins its main function like this:
//
//	if len(os.Args) > 1 && os.Args[1] == extract.WorkerCommand {
//		os.Exit(extract.Main(filetype.New()))
//	}
func ExampleExtractor() {
	x, err := extract.New(extract.Config{}, slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = x.Close() }()

	page := "<title>Invoice 4711</title><p>Please pay <b>10 €</b>."
	got, err := x.Extract(context.Background(), ports.Source{
		Owner: domain.Nobody, Name: "invoice.html", ContentType: "text/html", Size: int64(len(page)), Content: strings.NewReader(page),
	})
	fmt.Println(got.Text, err)

	_, err = x.Extract(context.Background(), ports.Source{ContentType: "audio/mpeg", Content: strings.NewReader("")})
	fmt.Println(domain.ErrorCode(err), domain.ErrorReason(err))
	// Output:
	// Invoice 4711
	// Please pay 10 €. <nil>
	// unreadable unsupported
}
