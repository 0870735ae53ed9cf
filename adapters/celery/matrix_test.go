package celery_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestMatrixNamesRealTests reads those tables of docs/celery.md that have a column of tests: every row names its tests and the versions they were seen on,
// every test it names exists.
func TestMatrixNamesRealTests(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/celery.md")
	if err != nil {
		t.Fatal(err)
	}
	known, strs := testsOf(t, "../..")
	named := regexp.MustCompile("`(Test[A-Za-z0-9_]+|Example[A-Za-z0-9_]*)(/[^`]*)?`")
	seenOn := regexp.MustCompile(`\d+\.\d+|Redis|gocelery|Go`)
	rows, matrix := 0, false
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(strings.Trim(line, "|"), "|")
		switch {
		case !strings.HasPrefix(line, "|"):
			matrix = false
		case len(cells) == 3 && strings.TrimSpace(cells[1]) == "test":
			matrix = true
			continue
		}
		if !matrix || strings.Contains(cells[0], "---") {
			continue
		}
		if len(cells) != 3 {
			t.Fatalf("this row has %d cells: %s", len(cells), line)
		}
		rows++
		tests := named.FindAllStringSubmatch(cells[1], -1)
		if len(tests) == 0 {
			t.Errorf("this row names no test: %s", line)
		}
		if !seenOn.MatchString(cells[2]) {
			t.Errorf("this row does not say where it was seen: %s", line)
		}
		for _, m := range tests {
			if !known[m[1]] {
				t.Errorf("there is no test %s: %s", m[1], line)
			}
			for _, sub := range strings.Split(strings.TrimPrefix(m[2], "/"), "/") {
				if sub != "" && !strs[strings.ReplaceAll(sub, "_", " ")] && !strs[sub] {
					t.Errorf("%s has no case %q: %s", m[1], sub, line)
				}
			}
		}
	}
	if rows < 40 {
		t.Errorf("only %d rows", rows)
	}
}

// testsOf are the tests and examples below a folder, and the texts in test files, among which the names of their cases are.
func testsOf(t *testing.T, root string) (tests, texts map[string]bool) {
	t.Helper()
	tests, texts = map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && path != root) {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				tests[n.Name.Name] = n.Recv == nil
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					texts[strings.Trim(n.Value, "\"`")] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, texts
}
