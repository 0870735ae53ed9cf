package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/docuvault/docuvault/adapters/extract/formats"
	"github.com/docuvault/docuvault/adapters/extract/ocr"
	"github.com/docuvault/docuvault/domain"
	"github.com/docuvault/docuvault/ports"
)

// maxSight is the most bytes that Tesseract may say about a picture; a dense page takes some 100 KiB.
const maxSight = 16 << 20

// look has the native Tesseract read a picture for a child, which waits for it. The child is believed nothing but pixels, and the
// program sees nothing else of the document. An error is no fault of the picture's, or is the deadline's.
func (x *Extractor) look(ctx context.Context, c *child, l look) error {
	if x.cfg.Tesseract == "" || min(l.Width, l.Height) < 1 || max(l.Width, l.Height) > formats.MaxScanSide {
		return errNonsense
	}
	picture := make([]byte, l.Width*l.Height)
	if _, err := io.ReadFull(c.r, picture); err != nil {
		return err
	}
	if !c.deadline.Stop() {
		return errors.New("the deadline passed")
	}
	seen, err := x.recognize(ctx, l, picture)
	answer := sight{Confidence: seen.Confidence, Text: len(seen.Text)}
	switch domain.ErrorReason(err) {
	case ports.ReasonTooComplex, ports.ReasonCrashed:
		answer = sight{Reason: domain.ErrorReason(err)}
	default:
		if err != nil {
			return err
		}
	}
	c.deadline.Reset(x.cfg.Timeout)
	if err := writeMessage(c.w, answer); err != nil {
		return err
	}
	_, _ = c.w.WriteString(seen.Text) // the writer keeps its first error for Flush
	return c.w.Flush()
}

// recognize reads a picture of a byte a pixel by the native Tesseract, as the one inside does: mode 3, the same languages.
func (x *Extractor) recognize(ctx context.Context, l look, picture []byte) (ocr.Result, error) {
	header := fmt.Sprintf("P5 %d %d 255\n", l.Width, l.Height) // a PGM (netpbm.sourceforge.net/doc/pgm.html)
	args := []string{"stdin", "stdout", "-l", x.cfg.Languages.String(), "--oem", "1", "--psm", "3", "-c", "tessedit_create_tsv=1"}
	if l.Resolution > 0 {
		args = append(args, "--dpi", strconv.Itoa(l.Resolution))
	}
	said, err := x.tesseract(ctx, io.MultiReader(strings.NewReader(header), bytes.NewReader(picture)), args...)
	if err != nil {
		return ocr.Result{}, err
	}
	return parseTSV(said), nil
}

// tesseract runs the native program and returns what it printed.
func (x *Extractor) tesseract(ctx context.Context, in io.Reader, args ...string) (string, error) {
	if x.cfg.Languages.Dir != "" {
		args = append(args, "--tessdata-dir", x.cfg.Languages.Dir)
	}
	var out printed
	err := x.run(ctx, program{
		name: "Tesseract", role: tesseractRole, path: x.cfg.Tesseract, args: args, env: []string{"OMP_THREAD_LIMIT=1"},
		dir: string(os.PathSeparator), stdin: in, stdout: &out,
	})
	return out.text.String(), err
}

// printed keeps what a program prints, up to maxSight, where writing fails.
type printed struct{ text strings.Builder }

func (p *printed) Write(b []byte) (int, error) {
	if p.text.Len()+len(b) > maxSight {
		return 0, errNonsense
	}
	return p.text.Write(b)
}

// parseTSV reads Tesseract's table of what it saw (tesseract-ocr.github.io/tessdoc, "TSV"): a row for each word says in which block,
// paragraph and line it stands, and how sure the program is of it, in per cent.
func parseTSV(table string) ocr.Result {
	const level, block, paragraph, line, confidence, word, columns = 0, 2, 3, 4, 10, 11, 12
	var text strings.Builder
	var last []string
	sum, words := 0, 0
	for row := range strings.Lines(table) {
		cells := strings.Split(strings.TrimRight(row, "\r\n"), "\t")
		if len(cells) != columns || cells[level] != "5" || strings.TrimSpace(cells[word]) == "" {
			continue // a picture on the page is a blank word
		}
		sure, err := strconv.ParseFloat(cells[confidence], 64)
		if err != nil {
			continue
		}
		switch {
		case last == nil:
		case !slices.Equal(last[block:paragraph+1], cells[block:paragraph+1]):
			text.WriteString("\n\n")
		case last[line] != cells[line]:
			text.WriteByte('\n')
		default:
			text.WriteByte(' ')
		}
		text.WriteString(cells[word])
		sum, words, last = sum+int(min(max(sure, 0), 100)), words+1, cells
	}
	if words == 0 {
		return ocr.Result{}
	}
	return ocr.Result{Text: text.String() + "\n", Confidence: sum / words}
}

// tryTesseract runs the native program as it will be run for pictures, logs its version, on which the text depends, and reports a
// language that it does not have.
func (x *Extractor) tryTesseract(ctx context.Context) error {
	version, err := x.tesseract(ctx, nil, "--version")
	if err != nil {
		return fmt.Errorf("try Tesseract: %w", err)
	}
	list, err := x.tesseract(ctx, nil, "--list-langs")
	if err != nil {
		return fmt.Errorf("ask Tesseract for its languages: %w", err)
	}
	has := strings.Fields(list)
	for name := range strings.SplitSeq(x.cfg.Languages.String(), "+") {
		if !slices.Contains(has, name) {
			return fmt.Errorf("OCR in %q: Tesseract has no data for it: install it (Debian's tesseract-ocr-%s), or name a folder that has it by TESSDATA_DIR", name, name)
		}
	}
	version, _, _ = strings.Cut(version, "\n")
	x.log.InfoContext(ctx, "pictures are read by the native Tesseract", "version", version)
	return nil
}
