package schema_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/schema"
)

// What apply would not carry out is refused by its line.
func ExampleNew() {
	text := []byte(`schema "public" {}

view "latest" {
  schema = schema.public
}
`)
	_, err := schema.New(text, schema.Config{}, slog.New(slog.DiscardHandler))
	fmt.Println(err)
	// Output: schema.hcl:3: unknown block "view" in the file
}

func ExampleSchema_Apply() {
	ctx := context.Background()
	s, err := schema.New(docuvault.SchemaHCL, schema.Config{}, slog.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	db, err := schema.Open(os.Getenv("DATABASE_MIGRATE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = db.Close() }()
	applied, err := s.Apply(ctx, db, schema.ApplyOptions{})
	switch {
	case errors.Is(err, schema.ErrDestructive):
		fmt.Println("look at the plan first:", err)
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Print(applied.String())
	}
}
