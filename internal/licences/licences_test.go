// Package licences holds the licence of every dependency to those that docs/dependencies.md promises.
package licences

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allowed are the licences that a dependency may have, by SPDX identifiers.
var allowed = []string{"MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "MPL-2.0", "ISC", "Zlib", "Unlicense", "0BSD", "CC0-1.0"}

// rules tell licences by words that only they have. The first that fits counts: the strict ones come first, because texts of others
// are found in collections beside them.
var rules = []struct{ licence, words string }{
	{"AGPL-3.0", "gnu affero general public license"},
	{"LGPL", "gnu lesser general public license"},
	{"GPL", "gnu general public license version"},
	{"SSPL", "server side public license"},
	{"BUSL", "business source license"},
	{"MPL-2.0", "mozilla public license"},
	{"Apache-2.0", "apache license version 2.0"},
	{"BSD-3-Clause", "neither the name of"},
	{"BSD-3-Clause", "the name of the author may not be used to endorse"},
	{"BSD-2-Clause", "redistributions in binary form must reproduce"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
	{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"Zlib", "altered source versions must be plainly marked"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
	{"CC0-1.0", "cc0 1.0 universal"},
}

// of names the licence of a text, "" if it is none that is known.
func of(text string) string {
	words := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	words = strings.ReplaceAll(words, "apache license, version 2.0", "apache license version 2.0")
	words = strings.ReplaceAll(words, "gnu general public license, version", "gnu general public license version")
	if strings.Contains(words[:min(200, len(words))], "mozilla public license") { // it names GPLs as secondary licences
		return "MPL-2.0"
	}
	for _, r := range rules {
		if strings.Contains(words, r.words) {
			return r.licence
		}
	}
	return ""
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)([.-].*)?$`)

// inFolder names the licences of a module.
func inFolder(t *testing.T, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if licence := of(string(text)); licence != "" && !slices.Contains(found, licence) {
			found = append(found, licence)
		}
	}
	return found
}

// TestLicences looks at every module that a package of ours needs, tests included.
func TestLicences(t *testing.T) {
	t.Parallel()
	// go test keeps a result until a file changes that the test itself read; what go list reads does not count.
	for _, file := range []string{"go.mod", "go.sum"} {
		if _, err := os.Stat(filepath.Join("..", "..", file)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "list", "-deps", "-test", "-json=Module", "./...")
	cmd.Dir = "../.."
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	modules := make(map[string]string)
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			Module *struct {
				Path, Dir string
				Main      bool
			}
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if p.Module != nil && !p.Module.Main {
			modules[p.Module.Path] = p.Module.Dir
		}
	}
	if len(modules) < 50 {
		t.Fatalf("only %d modules were found", len(modules))
	}
	count := make(map[string]int)
	for path, dir := range modules {
		found := inFolder(t, dir)
		if len(found) == 0 {
			t.Errorf("%s: no licence that is known in %s", path, filepath.Base(dir))
		}
		for _, licence := range found {
			count[licence]++
			if !slices.Contains(allowed, licence) {
				t.Errorf("%s is under %s, which is not allowed", path, licence)
			}
		}
	}
	t.Logf("%d modules: %v", len(modules), count)
}

// What must not get in is seen, also where it is one of several files or reads like another.
func TestOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"GNU AFFERO GENERAL PUBLIC LICENSE\n   Version 3":                                                    "AGPL-3.0",
		"GNU LESSER GENERAL PUBLIC LICENSE":                                                                  "LGPL",
		"under the terms of the GNU General Public License,\nversion 2":                                      "GPL",
		"Mozilla Public License Version 2.0 … Secondary License means the GNU Affero General Public License": "MPL-2.0",
		"Apache License\n  Version 2.0":                                                                      "Apache-2.0",
		"Licensed under the Apache License, Version 2.0":                                                     "Apache-2.0",
		"Permission is hereby granted, free of charge, to any person obtaining a copy":                       "MIT",
		"all rights reserved": "",
	} {
		if got := of(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
