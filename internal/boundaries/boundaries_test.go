// Package boundaries holds the rooms of the house to their directions: which package may know which.
package boundaries

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
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

// list returns the packages of this module, by import path relative to it.
func list(t *testing.T) map[string]pkg {
	t.Helper()
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
	case strings.HasPrefix(from, "adapters/"):
		return to == "domain" || to == "ports" || to == "app" || strings.HasPrefix(to, "adapters/internal") || to == "internal/childproc" || from == "adapters/rest" && to == "docs"
	case strings.HasPrefix(from, "cmd/"):
		return !strings.HasPrefix(to, "internal/testenv") && to != "adapters/memory"
	case strings.HasPrefix(from, "internal/"):
		return true // environments for tests
	default:
		return false
	}
}

// TestImportDirections holds every import inside the module against the direction of the house:
// cmd → adapters, app → ports → domain.
func TestImportDirections(t *testing.T) {
	for path, p := range list(t) {
		from := room(p.ImportPath)
		for _, imported := range p.Imports {
			to := room(imported)
			if to == "" || to == from || strings.HasPrefix(from, "internal/") {
				continue
			}
			if !mayImport(from, to) {
				t.Errorf("%s imports %s: the room %s must not know %s", path, strings.TrimPrefix(imported, module+"/"), from, to)
			}
		}
	}
}

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

// TestOneUserOf keeps some packages to the one place that is meant to use them.
func TestOneUserOf(t *testing.T) {
	only := map[string]string{
		"github.com/spf13/viper":           "cmd/docuvault/config",
		"github.com/gin-gonic/gin":         "adapters/rest",
		"gorm.io/gorm":                     "adapters/postgres",
		"github.com/minio/minio-go/v7":     "adapters/minio",
		"ariga.io/atlas/sql/schema":        "adapters/schema",
		"github.com/gocelery/gocelery":     "adapters/celery",
		"github.com/redis/go-redis/v9":     "adapters/celery",
		"github.com/alicebob/miniredis/v2": "adapters/embedded",
	}
	used := make(map[string]bool)
	for path, p := range list(t) {
		for _, imported := range p.Imports {
			user, limited := only[imported]
			if !limited || strings.HasPrefix(path, "internal/") {
				continue
			}
			used[imported] = true
			if imported == "github.com/redis/go-redis/v9" && path == "cmd/docuvault" {
				continue // main hands the library's own logging over to slog
			}
			if path != user && !strings.HasPrefix(path, user+"/") {
				t.Errorf("%s imports %s, which is for %s alone", path, imported, user)
			}
		}
	}
	for imported, user := range only {
		if !used[imported] {
			t.Errorf("%s imports %s no more: mend this test", user, imported)
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
