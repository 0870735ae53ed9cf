package schema_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ariga.io/atlas/schemahcl"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/docuvault/docuvault"
	"github.com/docuvault/docuvault/adapters/schema"
)

// atlasEnv is an env block of atlas.hcl, as far as the Atlas command line reads it.
type atlasEnv struct {
	Name    string   `spec:"name,name"`
	Source  string   `spec:"src"`
	URL     string   `spec:"url"`
	Dev     string   `spec:"dev"`
	Exclude []string `spec:"exclude"`
	schemahcl.DefaultExtension
}

// atlasEnvs reads atlas.hcl as the Atlas command line does: by its HCL, with getenv added.
func atlasEnvs(t *testing.T, environment map[string]string) map[string]atlasEnv {
	t.Helper()
	getenv := function.New(&function.Spec{
		Params: []function.Parameter{{Name: "name", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(environment[args[0].AsString()]), nil
		},
	})
	var project struct {
		Envs []*atlasEnv `spec:"env"`
		schemahcl.DefaultExtension
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "atlas.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	state := schemahcl.New(schemahcl.WithFunctions(map[string]function.Function{"getenv": getenv}))
	if err := state.EvalBytes(text, &project, nil); err != nil {
		t.Fatal(err)
	}
	envs := map[string]atlasEnv{}
	for _, env := range project.Envs {
		envs[env.Name] = *env
	}
	return envs
}

// The two environments take their addresses from the variables that production sets, bind Atlas to the schema public, read addresses
// written for SQLAlchemy, and leave Alembic's table alone. Their source is the file that is built into the program.
func TestAtlasProject(t *testing.T) {
	t.Parallel()
	envs := atlasEnvs(t, map[string]string{
		"DATABASE_MIGRATE_URL": "postgresql+psycopg://docuvault_migrate:secret@db:5433/docuvault",
		"ATLAS_DEV_URL":        "postgres://dev@localhost/scratch?sslmode=require",
	})
	for name, want := range map[string]struct{ url, dev string }{
		"local": {
			"postgresql://docuvault_migrate:secret@db:5433/docuvault?search_path=public&sslmode=disable",
			"postgres://dev@localhost/scratch?search_path=public&sslmode=disable",
		},
		"prod": {
			"postgresql://docuvault_migrate:secret@db:5433/docuvault?search_path=public",
			"postgres://dev@localhost/scratch?search_path=public&sslmode=require",
		},
	} {
		env, ok := envs[name]
		if !ok {
			t.Errorf("there is no env %q", name)
			continue
		}
		if env.URL != want.url || env.Dev != want.dev {
			t.Errorf("env %q has url %s\nand dev %s", name, env.URL, env.Dev)
		}
		if !slices.Equal(env.Exclude, []string{"alembic_version"}) {
			t.Errorf("env %q excludes %q", name, env.Exclude)
		}
		file, ok := strings.CutPrefix(env.Source, "file://")
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil || !ok {
			t.Errorf("env %q reads %s: %v", name, env.Source, err)
			continue
		}
		if _, err := schema.New(text, schema.Config{}, discard); err != nil || string(text) != string(docuvault.SchemaHCL) {
			t.Errorf("env %q reads another schema: %v", name, err)
		}
	}
	if len(envs) != 2 {
		t.Errorf("there are %d environments", len(envs))
	}
	prod := envs["prod"]
	destructive, ok := prod.Extra.Resource("lint")
	if ok {
		destructive, ok = destructive.Resource("destructive")
	}
	if !ok {
		t.Fatal("env \"prod\" does not lint what destroys data")
	}
	if attr, ok := destructive.Attr("error"); !ok {
		t.Error("what destroys data is no error in env \"prod\"")
	} else if yes, err := attr.Bool(); err != nil || !yes {
		t.Errorf("what destroys data is no error in env \"prod\": %v", err)
	}
}
