package extract

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/docuvault/docuvault/domain"
)

// Layers that confine a child, beside those that need nothing of the system: no environment, no descriptors but its pipes, an
// empty folder, the watch over its memory, and the deadline at which it is killed.
const (
	layerAddressSpace = "address_space"  // no more memory than allowed, whatever asks for it
	layerCPU          = "cpu_time"       // no more processor time than allowed
	layerNoCore       = "no_core_dump"   // a crash leaves no copy of the document
	layerNoWrites     = "no_file_writes" // no file grows
	layerCalls        = "seccomp"        // no file is opened, no socket made, no process started, no code made; no new rights
)

// layers are all that a system can have. The race detector reserves more address space than any limit that would mean something.
func layers() []string {
	all := []string{layerCPU, layerNoCore, layerNoWrites, layerCalls}
	if !raceDetector {
		all = append(all, layerAddressSpace)
	}
	return all
}

// missing are the layers that this system does not give a child.
func missing(active []string) []string {
	return slices.DeleteFunc(layers(), func(layer string) bool { return slices.Contains(active, layer) })
}

// Sandbox starts a child, logs by which layers it is confined and returns them. With Config.RequireSandbox it is an error if
// one is missing. The native Tesseract, where it reads pictures, is tried too: it is an error if it does not work or lacks a language.
func (x *Extractor) Sandbox(ctx context.Context) ([]string, error) {
	c, err := x.pool.take(ctx, domain.Nobody, 0)
	if err != nil {
		return nil, fmt.Errorf("start an extraction child: %w", err)
	}
	x.pool.give(c, true)
	log := x.log.InfoContext
	if len(missing(c.layers)) > 0 {
		log = x.log.WarnContext
	}
	log(ctx, "documents are read in confined children", "layers", strings.Join(c.layers, ","), "missing", strings.Join(missing(c.layers), ","))
	if !x.cfg.NoOCR && x.cfg.Tesseract != "" {
		if err := x.tryTesseract(ctx); err != nil {
			return nil, err
		}
	}
	return slices.Clone(c.layers), nil
}
