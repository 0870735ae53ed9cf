// Package boundaries holds the rooms of the house to their directions: which package may know which.
package boundaries

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/docuvault/docuvault"

var update = flag.Bool("update", false, "rewrite the golden files")

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// look reads the folders of this module that hold sources. go test keeps a result until a file changes that the test itself looked
// at; what go list, a process of its own, looks at does not count, and a violation would be answered with an older "ok (cached)".
func look(t *testing.T) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != root && (entry.Name() == "bin" || strings.HasPrefix(entry.Name(), ".")) {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// list returns the packages of this module, by import path relative to it.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	look(t)
	cmd := exec.Command("go", "list", "-json=ImportPath,Standard,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	packages := make(map[string]pkg)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages
		case err != nil:
			t.Fatalf("read what go list wrote: %v", err)
		}
		packages[strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")] = p
	}
}

// room returns the room a package of this module belongs to ("domain", "adapters/rest", …), "" for a foreign package.
func room(importPath string) string {
	path, ours := strings.CutPrefix(importPath, module)
	if !ours {
		return ""
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch parts[0] {
	case "adapters", "internal", "cmd":
		return strings.Join(parts[:min(2, len(parts))], "/")
	default:
		return parts[0]
	}
}

// mayImport says whether a room may import another, which is not itself.
func mayImport(from, to string) bool {
	switch {
	case from == "domain":
		return false
	case from == "ports":
		return to == "domain"
	case from == "app":
		return to == "domain" || to == "ports"
	case from == "adapters/tasks" && to == "adapters/celery":
		return true // the one adapter that imports another: it binds the vault's tasks to the library
	case from == "adapters/docuvaulttest":
		return !strings.HasPrefix(to, "cmd/") && !strings.HasPrefix(to, "internal/testenv") // it composes a vault, as a shell does, for others' tests
	case to == "adapters/docuvaulttest":
		return false
	case strings.HasPrefix(from, "adapters/") && to == "app":
		return from == "adapters/rest" || from == "adapters/tasks" // what drives the application; all others are driven by it
	case strings.HasPrefix(from, "adapters/"):
		return to == "domain" || to == "ports" || to == "adapters/internal" || from == "adapters/rest" && to == "docs"
	case strings.HasPrefix(from, "cmd/"):
		return !strings.HasPrefix(to, "internal/") && to != "adapters/memory"
	case strings.HasPrefix(from, "internal/"):
		return true // environments for tests
	default:
		return false
	}
}

// strangers returns the rooms that p imports and must not know.
func strangers(p pkg) (rooms []string) {
	from := room(p.ImportPath)
	for _, imported := range p.Imports {
		if to := room(imported); to != "" && to != from && !mayImport(from, to) {
			rooms = append(rooms, to)
		}
	}
	return rooms
}

// TestImportDirections holds every import inside the module against the direction of the house:
// cmd → adapters, app → ports → domain.
func TestImportDirections(t *testing.T) {
	for path, p := range list(t) {
		for _, to := range strangers(p) {
			t.Errorf("%s imports %s, which the room %s must not know", path, to, room(p.ImportPath))
		}
	}
}

// TestForbiddenDirectionsAreSeen plants an import against every direction, and one along each.
func TestForbiddenDirectionsAreSeen(t *testing.T) {
	for importer, c := range map[string]struct{ forbidden, allowed []string }{
		"domain":                       {[]string{"ports", "app", "adapters/postgres", "cmd/docuvault/shell", "internal/testenv", "docs"}, nil},
		"ports":                        {[]string{"app", "adapters/memory", "cmd/docuvault", "internal/testenv"}, []string{"domain"}},
		"ports/storagetest":            {[]string{"app", "adapters/minio", "internal/testenv"}, []string{"domain", "ports"}},
		"app":                          {[]string{"adapters/postgres", "adapters/memory", "cmd/docuvault/config", "internal/testenv", "docs"}, []string{"domain", "ports"}},
		"adapters/postgres":            {[]string{"app", "adapters/minio", "adapters/celery", "cmd/docuvault/shell", "internal/testenv", "docs"}, []string{"domain", "ports", "adapters/internal/pgdsn"}},
		"adapters/embedded":            {[]string{"internal/testenv", "internal/bench", "internal/childproc"}, []string{"adapters/embedded/childproc"}},
		"adapters/minio":               {[]string{"app", "adapters/filesystem"}, []string{"domain", "ports"}},
		"adapters/memory":              {[]string{"app", "adapters/postgres"}, []string{"domain", "ports"}},
		"adapters/extract/formats":     {[]string{"app", "adapters/rest"}, []string{"adapters/extract"}},
		"adapters/celery":              {[]string{"app", "adapters/tasks"}, nil},
		"adapters/docuvaulttest":       {[]string{"cmd/docuvault/serve", "internal/testenv"}, []string{"adapters/rest", "adapters/memory", "adapters/extract", "app"}},
		"adapters/tasks":               {[]string{"adapters/rest", "cmd/docuvault/shell"}, []string{"app", "adapters/celery", "domain", "ports"}},
		"adapters/observed":            {[]string{"app", "adapters/metrics", "adapters/tracing"}, []string{"domain", "ports"}},
		"adapters/metrics":             {[]string{"app", "adapters/observed", "adapters/rest"}, nil},
		"adapters/rest":                {[]string{"adapters/celery", "adapters/postgres", "cmd/docuvault/config", "internal/testenv"}, []string{"app", "domain", "ports", "docs"}},
		"cmd/docuvault":                {[]string{"adapters/memory", "internal/testenv", "internal/bench"}, []string{"adapters/rest", "app", "domain", "ports"}},
		"cmd/docuvault/shell":          {[]string{"adapters/memory", "internal/testenv"}, []string{"adapters/postgres", "app"}},
		"":                             {[]string{"domain", "adapters/schema"}, nil},
		"docs":                         {[]string{"domain", "app"}, nil},
		"a room that is not there yet": {[]string{"domain", "app"}, nil},
	} {
		for _, imported := range c.forbidden {
			if strangers(pkg{ImportPath: join(importer), Imports: []string{"fmt", join(imported)}}) == nil {
				t.Errorf("%q may import %s", importer, imported)
			}
		}
		for _, imported := range c.allowed {
			if to := strangers(pkg{ImportPath: join(importer), Imports: []string{"fmt", join(imported)}}); to != nil {
				t.Errorf("%q may not import %s", importer, imported)
			}
		}
	}
}

func join(path string) string { return strings.TrimSuffix(module+"/"+path, "/") }

// TestInnerRoomsStayPure compares all that domain, ports and app depend on, directly or not, with a golden list.
func TestInnerRoomsStayPure(t *testing.T) {
	packages := list(t)
	for _, inner := range []string{"domain", "ports", "app"} {
		deps := slices.DeleteFunc(slices.Clone(packages[inner].Deps), func(dep string) bool {
			first, _, _ := strings.Cut(dep, "/")
			return !strings.Contains(first, ".") || strings.HasPrefix(dep, "vendor/")
		})
		slices.Sort(deps)
		got := strings.Join(deps, "\n") + "\n"
		golden := filepath.Join("testdata", inner+".txt")
		if *update {
			if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s depends on\n%swhere %s allows\n%s", inner, got, golden, want)
		}
	}
}

// TestWorkerNeedsNoWebFramework keeps the worker importable without the web application, and the two from growing together.
func TestWorkerNeedsNoWebFramework(t *testing.T) {
	worker := list(t)["cmd/docuvault/shell"]
	if worker.ImportPath == "" {
		t.Fatal("there is no package cmd/docuvault/shell")
	}
	for _, dep := range worker.Deps {
		if strings.HasPrefix(dep, "github.com/gin-gonic/") || dep == module+"/adapters/rest" {
			t.Errorf("cmd/docuvault/shell depends on %s", dep)
		}
	}
}

// only says which one place, packages below it included, is meant to use a module, all its packages included.
var only = map[string]string{
	"github.com/spf13/viper":           "cmd/docuvault/config",
	"github.com/gin-gonic/gin":         "adapters/rest",
	"gorm.io":                          "adapters/postgres",
	"github.com/minio/minio-go/v7":     "adapters/minio",
	"ariga.io/atlas":                   "adapters/schema",
	"github.com/gocelery/gocelery":     "adapters/celery",
	"github.com/redis/go-redis/v9":     "adapters/celery",
	"github.com/alicebob/miniredis/v2": "adapters/embedded",
	"github.com/prometheus":            "adapters/metrics",
	"go.opentelemetry.io":              "adapters/tracing",
}

// within reports whether path is tree or lies below it.
func within(path, tree string) bool { return path == tree || strings.HasPrefix(path, tree+"/") }

// limited returns the module of only that an import belongs to, "" if there is none, and whether the package at path, relative
// to this module, may import it.
func limited(path, imported string) (tree string, may bool) {
	for tree, user := range only {
		if within(imported, tree) {
			// main hands the library's own logging over to slog; rates are counted on the connection that the queue has.
			return tree, within(path, user) || tree == "github.com/redis/go-redis/v9" && (path == "cmd/docuvault" || path == "adapters/ratelimit")
		}
	}
	return "", true
}

// TestOneUserOf keeps some modules to the one place that is meant to use them.
func TestOneUserOf(t *testing.T) {
	used := make(map[string]bool)
	for path, p := range list(t) {
		if strings.HasPrefix(path, "internal/") {
			continue
		}
		for _, imported := range p.Imports {
			tree, may := limited(path, imported)
			if used[tree] = true; !may {
				t.Errorf("%s imports %s, which is for %s alone", path, imported, only[tree])
			}
		}
	}
	for tree, user := range only {
		if !used[tree] {
			t.Errorf("%s imports %s no more: mend this test", user, tree)
		}
	}
}

// TestOtherUsersAreSeen plants imports of packages deep in those modules.
func TestOtherUsersAreSeen(t *testing.T) {
	for _, c := range []struct {
		path, imported string
		may            bool
	}{
		{"adapters/memory", "gorm.io/gorm", false},
		{"adapters/rest", "gorm.io/gorm/clause", false},
		{"app", "gorm.io/driver/postgres", false},
		{"adapters/postgres", "ariga.io/atlas/sql/migrate", false},
		{"adapters/filesystem", "github.com/minio/minio-go/v7/pkg/credentials", false},
		{"cmd/docuvault/shell", "github.com/gin-gonic/gin/binding", false},
		{"cmd/docuvault/shell", "github.com/redis/go-redis/v9", false},
		{"cmd/docuvault", "github.com/spf13/viper", false},
		{"adapters/postgresql", "gorm.io/gorm", false},
		{"adapters/postgres", "gorm.io/gorm/clause", true},
		{"adapters/celery/gocelerybridge", "github.com/gocelery/gocelery", true},
		{"cmd/docuvault", "github.com/redis/go-redis/v9", true},
		{"adapters/rest", "github.com/gin-gonic/ginger", true},
	} {
		if _, may := limited(c.path, c.imported); may != c.may {
			t.Errorf("%s importing %s: allowed is %t", c.path, c.imported, may)
		}
	}
}

// TestProgramCanBeInstalled: go install PACKAGE@VERSION refuses a module whose go.mod replaces or excludes another.
func TestProgramCanBeInstalled(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 0 && (words[0] == "replace" || words[0] == "exclude") {
			t.Errorf("go.mod has %s", line)
		}
	}
}

// TestProgramHoldsNoTestCode keeps test doubles and test environments out of the program that people run. Modules of others may
// hold what they like (a stemmer's word lists come with test helpers); packages of ours that go into it import no testing.
func TestProgramHoldsNoTestCode(t *testing.T) {
	packages := list(t)
	program := packages["cmd/docuvault"]
	for _, dep := range append(slices.Clone(program.Deps), program.ImportPath) {
		if strings.Contains(dep, "testcontainers") || dep == module+"/adapters/memory" || strings.HasPrefix(dep, module+"/internal/testenv") {
			t.Errorf("cmd/docuvault depends on %s", dep)
		}
		if path, ours := strings.CutPrefix(dep, module+"/"); ours && slices.Contains(packages[path].Imports, "testing") {
			t.Errorf("%s goes into the program and imports testing", path)
		}
	}
}
