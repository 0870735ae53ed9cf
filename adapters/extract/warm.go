package extract

import (
	"context"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/docuvault/docuvault/adapters/extract/formats"
)

// Warm fills the compilation cache, so that the first PDF or picture need not wait the seconds that compiling takes. It does so in a
// child that reads no document: what it writes is native code, which no document may have had a hand in. Without being called
// it happens before the first of them. A failure costs time later and nothing else, so it is logged, not returned.
func (x *Extractor) Warm(ctx context.Context) {
	if x.cfg.CacheDir == "" {
		return
	}
	select {
	case x.warming <- struct{}{}:
		defer func() { <-x.warming }()
	case <-ctx.Done():
		return
	}
	if x.warmDone {
		return
	}
	mark := filepath.Join(x.cfg.CacheDir, formats.Engine+"-ready-"+buildMark()+x.cfg.mark())
	if _, err := os.Stat(mark); err == nil {
		x.warmDone = true
		return
	}
	start := time.Now()
	if err := x.pool.warm(ctx); err != nil {
		if ctx.Err() == nil {
			x.log.Warn("compiling the engines ahead failed", "err", err)
			x.warmDone = true // once is enough: children compile for themselves
		}
		return
	}
	x.warmDone = true
	x.log.Info("the engines for PDFs and pictures were compiled", "duration_ms", time.Since(start).Milliseconds())
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		x.log.Warn("the compilation cache cannot be marked", "err", err)
	}
}

// warm runs a child that fills the cache and ends.
func (p *pool) warm(ctx context.Context) error {
	if err := p.enter(ctx); err != nil {
		return err
	}
	defer p.leave()
	h := p.hello
	h.Engines = formats.PDFium | formats.Libheif
	if !p.cfg.NoOCR && p.cfg.Tesseract == "" {
		h.Engines |= formats.Tesseract
	}
	c, err := p.launch(ctx, h)
	if err != nil {
		return err
	}
	c.end(byRecycling)
	return nil
}

// mark tells apart what was compiled.
func (c Config) mark() string {
	if c.NoOCR || c.Tesseract != "" {
		return "-without-ocr"
	}
	return ""
}

// buildMark tells apart kinds of build (go build, go test): the compiler keeps its code under a version that it takes from there.
func buildMark() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/tetratelabs/wazero" {
				return m.Version
			}
		}
	}
	return "unversioned"
}
