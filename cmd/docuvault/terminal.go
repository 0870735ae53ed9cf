package main

import (
	"io"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
)

// colours says whether w is a terminal whose user has not asked for plain text (https://no-color.org).
func (p *program) colours(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && p.getenv("NO_COLOR") == "" && p.getenv("TERM") != "dumb" && isatty.IsTerminal(file.Fd())
}

// getenv looks in the environment that the program was given.
func (p *program) getenv(name string) string {
	for _, pair := range p.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}
